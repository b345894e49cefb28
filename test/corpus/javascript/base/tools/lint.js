import { readdirSync, readFileSync } from "node:fs"

const files = readdirSync("src").filter((name) => name.endsWith(".js"))
const bad = files.filter((name) => /\bvar\b|console\.log/u.test(readFileSync(`src/${name}`, "utf8")))
for (const name of bad) console.log(`src/${name}: var and console.log are not for here`)

// What the documents say about the rates must be what the program uses.
const { standard } = JSON.parse(readFileSync("src/rates.json", "utf8"))
const said = /standard rate is (\d+) percent/u.exec(readFileSync("docs/rates.md", "utf8"))?.[1]
if (Number(said) !== standard) console.log(`docs/rates.md says ${said} percent, the program uses ${standard}`)
process.exitCode = bad.length === 0 && Number(said) === standard ? 0 : 1
