/** Installs the archive that `npm run release` makes for this machine: in an empty HOME, with no Node on PATH. */
import { execFileSync, spawnSync } from "node:child_process"
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"

import manifest from "../../package.json" with { type: "json" }

const root = join(import.meta.dirname, "..", "..")
const platform = `${process.platform}-${process.arch}`
const archive = `foreman-v${manifest.version}-${platform}.tar.gz`
const npmPackage = `${manifest.name}-${manifest.version}.tgz`

let scratch = ""
let home = ""
let path = ""
let foreman = ""

/** Makes a release of the working tree, without a tag. */
const release = (out: string, ...names: ReadonlyArray<string>) =>
  execFileSync(
    process.execPath,
    ["scripts/release.mjs", "--dry-run", `--out=${out}`, ...names.map((name) => `--only=${name}`)],
    { cwd: root, stdio: ["ignore", "ignore", "pipe"] }
  )

/** Runs a command in `cwd` with nothing but HOME and PATH. */
const run = (cwd: string, command: string, ...args: ReadonlyArray<string>) => {
  const { error, status, stderr, stdout } = spawnSync(command, args, {
    cwd,
    encoding: "utf8",
    env: { HOME: home, PATH: path }
  })
  if (error !== undefined) throw error
  return { code: status, stdout, stderr }
}

const git = (repository: string, ...args: ReadonlyArray<string>) => {
  const { code, stderr } = run(repository, "git", "-c", "user.name=a", "-c", "user.email=a@b.c", ...args)
  assert.strictEqual(code, 0, stderr)
}

/** A repository whose branch `change` writes `word`; its check accepts `good` alone. */
const makeRepository = (name: string, word: string): string => {
  const repository = join(scratch, name)
  mkdirSync(join(repository, ".foreman"), { recursive: true })
  const write = (file: string, text: string) => writeFileSync(join(repository, file), text)
  write(".foreman/gate.yaml", "checks:\n  - role: test\n    command: grep -q good word.txt\n")
  write("word.txt", "good\n")
  git(repository, "init", "-q", "-b", "main")
  git(repository, "add", "-A")
  git(repository, "commit", "-qm", "Start")
  git(repository, "switch", "-qc", "change")
  write("word.txt", `${word}\nand more\n`)
  git(repository, "commit", "-qam", "Change the word")
  return repository
}

/** Every program of this machine but Node and what belongs to it. */
const linkPrograms = (folder: string) => {
  mkdirSync(folder)
  const taken = new Set(["node", "nodejs", "npm", "npx", "corepack", "foreman"])
  for (const from of ["/usr/local/bin", "/usr/bin", "/bin"]) {
    for (const name of readdirSync(from)) {
      if (taken.has(name)) continue
      taken.add(name)
      symlinkSync(join(from, name), join(folder, name))
    }
  }
}

const hasArchive = Object.hasOwn(manifest.optionalDependencies, `node-${platform}`)

describe.skipIf(!hasArchive)(`the archive for ${platform}`, () => {
  beforeAll(() => {
    scratch = mkdtempSync(join(tmpdir(), "foreman-release-"))
    home = join(scratch, "home")
    mkdirSync(home)
    path = join(scratch, "programs")
    linkPrograms(path)
    release(join(scratch, "out"), platform, "npm")
    execFileSync("tar", ["-xzf", join(scratch, "out", archive), "-C", scratch])
    foreman = join(scratch, "foreman", "bin", "foreman")
  })
  afterAll(() => rmSync(scratch, { recursive: true, force: true }))

  it("comes with a checksum of each file", () => {
    const { code, stdout } = run(join(scratch, "out"), "sha256sum", "--strict", "--check", "SHA256SUMS")
    assert.deepStrictEqual([code, stdout], [0, `${archive}: OK\n${npmPackage}: OK\n`])
  })

  it("starts where there is no Node, through a link, too", () => {
    assert.throws(() => run(home, "node", "--version"), "ENOENT")
    const link = join(path, "foreman")
    symlinkSync(foreman, link)
    for (const command of [foreman, "foreman"]) {
      const { code, stdout, stderr } = run(home, command, "--version")
      assert.deepStrictEqual([code, stdout, stderr], [0, `foreman ${manifest.version}\n`, ""])
    }
    const help = run(home, foreman, "gate", "--help")
    assert.strictEqual(help.code, 0)
    assert.include(help.stdout, "--base")
  })

  it.each([
    ["good", 0, "GATE-PASS"],
    ["bad", 1, "GATE-FAIL"]
  ])("judges a change to a %s word with exit code %i", (word, code, verdict) => {
    const judged = run(makeRepository(word, word), foreman, "gate")
    assert.strictEqual(judged.code, code, judged.stderr)
    assert.include(judged.stdout, verdict)
  })

  it("ends with 78 where there is no repository", () => {
    assert.strictEqual(run(home, foreman, "gate").code, 78)
  })

  it("has the licence and what people apply to a cluster", () => {
    const at = (...names: ReadonlyArray<string>) => readFileSync(join(scratch, "foreman", ...names), "utf8")
    assert.include(at("LICENSE"), "Apache License")
    assert.include(at("lib", "LICENSES.txt"), `effect ${manifest.dependencies.effect}, MIT`)
    assert.include(at("charts", "foreman", "Chart.yaml"), `appVersion: ${manifest.version}`)
    assert.include(at("crds", "foreman.llmkube.dev_workloads.yaml"), "kind: CustomResourceDefinition")
    assert.include(at("examples", "stub-task.yaml"), "kind: AgenticTask")
  })

  it("runs from the npm package on the Node that npm puts beside it, where the other one is too old", () => {
    const modules = join(scratch, "node_modules")
    mkdirSync(join(modules, manifest.name), { recursive: true })
    const file = join(scratch, "out", npmPackage)
    execFileSync("tar", ["-xzf", file, "--strip-components=1", "-C", join(modules, manifest.name)])
    const published = JSON.parse(readFileSync(join(modules, manifest.name, "package.json"), "utf8"))
    assert.deepStrictEqual([published.private, published.dependencies], [undefined, undefined])

    // The first process that loads this takes itself for Node 20.1.
    const old = join(scratch, "old.cjs")
    writeFileSync(
      old,
      `if (!process.env.WAS_OLD) {
        process.env.WAS_OLD = "1"
        Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.1.0" } })
      }`
    )
    const start = (env: NodeJS.ProcessEnv, ...args: ReadonlyArray<string>) => {
      const bundle = join(modules, manifest.name, manifest.bin.foreman)
      const { status, stderr, stdout } = spawnSync(process.execPath, ["--require", old, bundle, ...args], {
        cwd: home,
        encoding: "utf8",
        env: { HOME: home, PATH: path, ...env }
      })
      return [status, stdout, stderr]
    }
    const tooOld = [78, "", "foreman needs Node 24 or newer; this is 20.1.0.\n"]
    assert.deepStrictEqual(start({}, "--version"), tooOld)
    symlinkSync(join(root, "node_modules", `node-${platform}`), join(modules, `node-${platform}`))
    assert.deepStrictEqual(start({}, "--version"), [0, `foreman ${manifest.version}\n`, ""])
    assert.deepStrictEqual(start({}, "gate", "--repo=/").at(0), 78)
    // The first process stays, and other processes of its user could read its token in /proc.
    assert.deepStrictEqual(start({ GITHUB_TOKEN: "secret" }, "--version"), tooOld)
  })

  it("has the files that npm would pack, and nothing of the repository beside them", () => {
    const said = execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
      cwd: root,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      env: { ...process.env, HOME: home }
    })
    const npm = JSON.parse(said)[0].files.map(({ path: file }: { readonly path: string }) => file)
    const packed = execFileSync("tar", ["-tzf", join(scratch, "out", npmPackage)], { encoding: "utf8" })
    const ours = packed
      .trimEnd()
      .split("\n")
      .map((file) => file.replace(/^package\//u, ""))
    assert.deepStrictEqual(ours.toSorted(), npm.toSorted())
    const folders = new Set(ours.map((file) => file.split("/")[0]))
    assert.sameMembers(
      [...folders],
      ["CHANGELOG.md", "LICENSE", "README.md", "charts", "crds", "dist", "examples", "package.json"]
    )
  })
})
