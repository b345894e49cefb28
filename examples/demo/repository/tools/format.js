// Formats the sources in place: no blanks at the end of a line, one newline at the end of a file. Names what it changed.
import { readdirSync, readFileSync, writeFileSync } from "node:fs"

for (const folder of ["src", "test", "tools"]) {
  for (const name of readdirSync(folder)) {
    const file = `${folder}/${name}`
    const text = readFileSync(file, "utf8")
    const formatted = text.replace(/[ \t]+$/gm, "").trimEnd() + "\n"
    if (formatted !== text) {
      writeFileSync(file, formatted)
      console.log(`- ${file}`)
    }
  }
}
