// npm drops optional platform packages that the registry cannot serve from the lock file, and `npm ci` then
// refuses the lock ("Missing: X@ from lock file"). Put them back: name, exact version, optional, os/cpu/libc.
import { readFileSync, writeFileSync } from "node:fs"
const file = process.argv[2] ?? "package-lock.json"
const lock = JSON.parse(readFileSync(file, "utf8"))
const OS = [
  "aix",
  "android",
  "darwin",
  "freebsd",
  "linux",
  "netbsd",
  "openbsd",
  "openharmony",
  "sunos",
  "win32",
  "wasm32"
]
const CPU = ["arm64", "arm", "x64", "ia32", "ppc64", "s390x", "riscv64", "loong64", "mips64el", "wasm32"]
let added = 0
for (const [path, pkg] of Object.entries(lock.packages)) {
  for (const [name, range] of Object.entries(pkg.optionalDependencies ?? {})) {
    // node's own lookup: the nearest node_modules that has it
    let found,
      at = path
    for (;;) {
      const k = at === "" ? `node_modules/${name}` : `${at}/node_modules/${name}`
      if (lock.packages[k]) {
        found = lock.packages[k]
        break
      }
      if (at === "") break
      const i = at.lastIndexOf("/node_modules/")
      at = i < 0 ? "" : at.slice(0, i)
    }
    if (found?.version === range) continue
    const where = found === undefined ? `node_modules/${name}` : `${path}/node_modules/${name}`
    if (!/^\d+\.\d+\.\d+/.test(range)) {
      console.error(`skip ${name}@${range}: not an exact version`)
      continue
    }
    const words = name.split(/[-/]/)
    const os = OS.filter((o) => words.includes(o) && o !== "wasm32"),
      cpu = CPU.filter((c) =>
        words.some(
          (w) =>
            w === c || (c === "arm" && /^arm(v7l?|eabi)?$|^gnueabihf$/.test(w) && !words.includes("arm64"))
        )
      )
    lock.packages[where] = {
      version: range,
      ...(cpu.length ? { cpu } : {}),
      ...(pkg.dev ? { dev: true } : {}),
      optional: true,
      ...(os.length ? { os } : {})
    }
    added++
  }
}
const sorted = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)))
writeFileSync(file, JSON.stringify({ ...lock, packages: sorted }, null, 2) + "\n")
console.log(`added ${added}`)
