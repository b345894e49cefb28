// `npm test`: fetches the real kubectl once, then runs every test. Arguments are passed on to vitest.
import { spawnSync } from "node:child_process"
import { dirname, join, resolve } from "node:path"
import { fileURLToPath } from "node:url"

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..")
const run = (...args) => spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" }).status ?? 1

const setUp = run(join(root, "scripts", "kubectl.mjs"))
process.exit(setUp === 0 ? run(join(root, "node_modules", "vitest", "vitest.mjs"), "run", ...process.argv.slice(2)) : setUp)
