// `npm test`: fetches the real kubectl and Helm once, then runs every test. Arguments are passed on to vitest.
import { spawnSync } from "node:child_process"
import { dirname, join, resolve } from "node:path"
import { fileURLToPath } from "node:url"

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..")
const run = (stdout, ...args) =>
  spawnSync(process.execPath, args, { cwd: root, stdio: ["inherit", stdout, "inherit"] }).status ?? 1

// 69: there is none for this platform; the tests that need them take them from PATH or say why they are skipped.
for (const [script, ...versions] of [["kubectl.mjs"], ["helm.mjs", "3"]]) {
  const setUp = run("ignore", join(root, "scripts", script), ...versions)
  if (setUp !== 0 && setUp !== 69) process.exit(setUp)
}
process.exit(
  run("inherit", join(root, "node_modules", "vitest", "vitest.mjs"), "run", ...process.argv.slice(2))
)
