import { readdirSync, readFileSync } from "node:fs"

const files = ["src", "test"].flatMap((folder) => readdirSync(folder).map((name) => `${folder}/${name}`))
const bad = files.filter((file) => /[ \t]+$|\t/mu.test(readFileSync(file, "utf8")))
for (const file of bad) console.log(`${file}: not formatted`)
process.exitCode = bad.length === 0 ? 0 : 1
