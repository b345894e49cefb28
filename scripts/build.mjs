// `npm run build`: dist/foreman.mjs with its chunks beside it. Each subcommand is a chunk of its own, so that one loads what it needs.
import { rmSync } from "node:fs"
import { join, resolve } from "node:path"

import { rolldown } from "rolldown"

const root = resolve(import.meta.dirname, "..")
const dist = join(root, "dist")

// Not the whole folder: images lie there, too.
for (const part of ["foreman.mjs", "chunks"]) rmSync(join(dist, part), { recursive: true, force: true })
const bundle = await rolldown({
  input: { foreman: join(root, "programs", "foreman.ts") },
  platform: "node",
  // Not one import of ours has effects of its own but starting a program, and that one is an entry.
  treeshake: { moduleSideEffects: (id) => !id.includes("/node_modules/@kubernetes/") },
  onLog: (level, log, handle) => (log.code === "EVAL" ? undefined : handle(level, log))
})
const { output } = await bundle.write({
  dir: dist,
  format: "esm",
  minify: true,
  entryFileNames: "[name].mjs",
  chunkFileNames: "chunks/[name]-[hash].mjs",
  banner: (chunk) => (chunk.isEntry && chunk.name === "foreman" ? "#!/usr/bin/env node" : "")
})
await bundle.close()

const kilobytes =
  output.reduce((sum, chunk) => sum + (chunk.type === "chunk" ? chunk.code.length : 0), 0) / 1024
console.log(`dist/foreman.mjs and ${output.length - 1} chunks, ${Math.round(kilobytes)} kB`)
