// `npm run build`: dist/foreman.mjs with its chunks beside it. Each subcommand is a chunk of its own, so that one loads what it needs;
// `compiled` holds their code as V8 keeps it, which saves a Job's pod a tenth of its start.
import { spawnSync } from "node:child_process"
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"

import { rolldown } from "rolldown"

/**
 * How the bundle is started. Young objects get a small space: V8's own grows to 96 MB in a burst, all of it resident, and gives a
 * program of ours no time for it. Two threads help V8 instead of four: each keeps 1 or 2 MB of its own, and is seldom needed.
 */
const startLine = "#!/usr/bin/env -S node --max-semi-space-size=4 --v8-pool-size=2"

const root = resolve(import.meta.dirname, "..")
const dist = join(root, "dist")

// Not the whole folder: images lie there, too.
for (const part of ["foreman.mjs", "LICENSES.txt", "chunks", "compiled", "node_modules"])
  rmSync(join(dist, part), { recursive: true, force: true })
/**
 * `import { a as b } from "node:x"` as a look at the module itself. As an import, each of its names is read, and the getters among them
 * load streams, WebSockets and Web Crypto that nobody asked for.
 */
const lazyBuiltins = {
  name: "lazy-builtins",
  // These must still run on a Node that is too old.
  renderChunk: (code, chunk) =>
    ["foreman", "pinnedNode"].includes(chunk.name)
      ? null
      : code.replaceAll(
          /\bimport\s*(?:\*\s*as\s+([\w$]+)|([\w$]+)|\{([^}]*)\})\s*from\s*["'](node:[\w/]+)["'];?/gu,
          (_, namespace, standard, names, id) => {
            const target = namespace ?? standard ?? `{${names.replaceAll(/\s+as\s+/gu, ":")}}`
            return `const ${target}=process.getBuiltinModule("${id}");`
          }
        )
}

const bundle = await rolldown({
  input: { foreman: join(root, "programs", "foreman.ts") },
  platform: "node",
  // Not one import of ours has effects of its own but starting a program, and that one is an entry.
  treeshake: { moduleSideEffects: (id) => !id.includes("/node_modules/@kubernetes/") },
  plugins: [lazyBuiltins],
  onLog: (level, log, handle) => (log.code === "EVAL" ? undefined : handle(level, log))
})
const { output } = await bundle.write({
  dir: dist,
  format: "esm",
  minify: true,
  entryFileNames: "[name].mjs",
  chunkFileNames: "chunks/[name]-[hash].mjs",
  banner: (chunk) => (chunk.isEntry && chunk.name === "foreman" ? startLine : "")
})
await bundle.close()

// The gate's parsers are files that it reads when a change needs them (layers/gate/syntax.ts), found as they are found here.
const parsers = join("node_modules", "@vscode", "tree-sitter-wasm")
for (const part of [
  "package.json",
  "LICENSE",
  ...["tree-sitter.js", "tree-sitter.wasm"].map((name) => join("wasm", name)),
  ...["go", "javascript", "python", "rust", "tsx", "typescript"].map((grammar) =>
    join("wasm", `tree-sitter-${grammar}.wasm`)
  )
])
  cpSync(join(root, parsers, part), join(dist, parsers, part))

/** Folders of the packages whose code is in the bundle, as node_modules/name. */
const bundled = new Set(
  output
    .flatMap((chunk) => (chunk.type === "chunk" ? chunk.moduleIds : []))
    .flatMap((id) => /^.*\/(node_modules\/(?:@[^/]+\/)?[^/]+)\//u.exec(id.replaceAll("\\", "/"))?.[1] ?? [])
)
/** A package's name, version, licence and the texts that its licence requires copies to carry. */
const licenceOf = (folder) => {
  const { name, version, license } = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"))
  const texts = readdirSync(join(root, folder)).filter((file) => /^(?:licen[cs]e|notice)/iu.test(file))
  return [
    `${name} ${version}, ${license}`,
    ...texts.toSorted().map((file) => readFileSync(join(root, folder, file), "utf8").trim())
  ].join("\n\n")
}
writeFileSync(
  join(dist, "LICENSES.txt"),
  `Third-party packages whose code is part of the bundle.\n\n${[...bundled]
    .toSorted()
    .map(licenceOf)
    .join(`\n\n${"-".repeat(80)}\n\n`)}\n`
)

// What a run compiles before it ends is what is kept; so run-task begins in earnest, up to a server that is not there.
const entry = join(dist, "foreman.mjs")
const scratch = mkdtempSync(join(tmpdir(), "foreman-build-"))
const kubeconfig = join(scratch, "kubeconfig")
writeFileSync(
  kubeconfig,
  `current-context: none
contexts: [{ name: none, context: { cluster: none, user: none } }]
clusters: [{ name: none, cluster: { server: "http://127.0.0.1:1" } }]
users: [{ name: none, user: { token: none } }]
`
)
for (const args of [
  ["run-task", "--task=none", `--kubeconfig=${kubeconfig}`, `--workspace-dir=${scratch}`],
  ...["agent", "operator", "up", "demo", "judge"].map((name) => [name, "--help"])
]) {
  spawnSync(process.execPath, [entry, ...args], { stdio: "ignore", timeout: 60_000 })
}
rmSync(scratch, { recursive: true, force: true })

const kilobytes =
  output.reduce((sum, chunk) => sum + (chunk.type === "chunk" ? chunk.code.length : 0), 0) / 1024
console.log(`dist/foreman.mjs and ${output.length - 1} chunks, ${Math.round(kilobytes)} kB`)
