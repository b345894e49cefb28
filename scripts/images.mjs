#!/usr/bin/env node
/**
 * `npm run images [-- foreman|foreman-builder]`: the images that the chart names, as docker archives in dist/images. Needs docker,
 * podman or buildah; CONTAINER_TOOL says which, else the first of them that is there.
 *
 * BASE_IMAGE is the base of `foreman`: any Debian or what comes of one. BUILDER_BASE_IMAGE is that of `foreman-builder` and brings the
 * toolchain of your projects. Each is a reference or the path of a docker archive. Plain Node 20 or newer.
 */
import { spawnSync } from "node:child_process"
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { fileURLToPath } from "node:url"

import { pinnedNode } from "./pinnedNode.mjs"

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..")
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
const { BASE_IMAGE, BUILDER_BASE_IMAGE, CONTAINER_TOOL } = process.env

const images = {
  foreman: { base: BASE_IMAGE || "debian:bookworm-slim", packages: "git ca-certificates" },
  "foreman-builder": {
    base: BUILDER_BASE_IMAGE || "golang:1.26-bookworm",
    packages: "git ca-certificates make"
  }
}

const fail = (sentence, code = 1) => {
  throw Object.assign(new Error(sentence), { code })
}

const run = (command, args, options = {}) => {
  const { error, status, stdout } = spawnSync(command, args, {
    stdio: ["ignore", options.capture ? "pipe" : 2, "inherit"],
    encoding: "utf8",
    ...options
  })
  if (error !== undefined) fail(`${command} could not be started: ${error.message}`, 69)
  if (status !== 0) fail(`${command} ${args.join(" ")} ended with ${status}, see above`)
  return stdout
}

/** A client without its daemon is no tool: whoever does not answer is passed over, and said. */
const answers = (tool) => {
  const { error, status, stderr } = spawnSync(tool, ["info"], { encoding: "utf8", timeout: 20_000 })
  if (error?.code === "ENOENT" || status === 0) return status === 0
  const why = error?.message ?? stderr.trim().split("\n").at(-1)
  console.error(`${tool} is here and does not answer, so the next tool is asked: ${why}`)
  return false
}
const findTool = () =>
  CONTAINER_TOOL ||
  ["docker", "podman", "buildah"].find(answers) ||
  fail("images need docker, podman or buildah; none of them works here", 69)

/** Node for the image: the pinned one for a Linux of this machine's architecture. */
const copyNode = async (folder) => {
  const target = join(folder, "node")
  cpSync(await pinnedNode(`linux-${process.arch}`), target)
  chmodSync(target, 0o755)
}

/** What a `FROM` may say. docker knows no archives there. */
const baseOf = (tool, base) => {
  if (!existsSync(base) || !statSync(base).isFile()) return base
  const path = resolve(base)
  if (tool !== "docker") return `docker-archive:${path}`
  const said = run(tool, ["load", "--input", path], { capture: true })
  return /^Loaded image(?: ID)?: (\S+)$/mu.exec(said)?.[1] ?? fail(`no image in ${base}`)
}

const build = (tool, name, context) => {
  const { base, packages } = images[name]
  const tag = `${name}:${manifest.version}`
  const archive = join(root, "dist", "images", `${name}.tar`)
  const buildArgs = { BASE_IMAGE: baseOf(tool, base), PACKAGES: packages }
  run(tool, [
    "build",
    ...(tool === "docker" ? [] : ["--format", "docker"]),
    ...Object.entries(buildArgs).flatMap(([key, value]) => ["--build-arg", `${key}=${value}`]),
    `--file=${join(root, "scripts", "images", "Containerfile")}`,
    `--tag=${tag}`,
    context
  ])
  rmSync(archive, { force: true })
  // podman's own save would name it localhost/…, which no pod that says `foreman` finds.
  if (tool === "docker") run(tool, ["save", "-o", archive, tag])
  else run(tool, ["push", tag, `docker-archive:${archive}:${tag}`])
  console.log(`${archive}  ${tag}  ${Math.round(statSync(archive).size / 1e6)} MB`)
}

const context = mkdtempSync(join(tmpdir(), "foreman-images-"))
try {
  const names = Object.keys(images)
  const wanted = process.argv.length > 2 ? process.argv.slice(2) : names
  const unknown = wanted.find((name) => !names.includes(name))
  if (unknown !== undefined) fail(`there is no image ${unknown}: ${names.join(", ")}`)
  const tool = findTool()
  // Staged in the context, so that a build of somebody else's does not change it under our hands.
  run(process.execPath, [join(root, "scripts", "build.mjs")])
  mkdirSync(join(context, "dist"))
  for (const part of manifest.files.filter((file) => file.startsWith("dist/"))) {
    cpSync(join(root, part), join(context, part), { recursive: true })
  }
  chmodSync(join(context, "dist", "foreman.mjs"), 0o755)
  await copyNode(context)
  mkdirSync(join(root, "dist", "images"), { recursive: true })
  for (const name of wanted) build(tool, name, context)
} catch (error) {
  console.error(error.message)
  process.exitCode = typeof error.code === "number" ? error.code : 1
} finally {
  rmSync(context, { recursive: true, force: true })
}
