/**
 * `npm run release [-- --version X.Y.Z] [--dry-run] [--only NAME]… [--out FOLDER]`: the archives of the version that package.json
 * has, with checksums, and the tag vX.Y.Z. NAME is a platform or npm. The same commit gives the same bytes.
 *
 * The tag is made last, so a failed build leaves none. A dry run makes no tag, and only reports what a real run would refuse.
 */
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join, relative, resolve } from "node:path"
import { parseArgs } from "node:util"

import { archive } from "./archive.mjs"
import { pinnedNode, platforms } from "./pinnedNode.mjs"

const root = resolve(import.meta.dirname, "..")
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
const { version } = manifest
const tag = `v${version}`

const fail = (sentence, code = 1) => {
  throw Object.assign(new Error(sentence), { code })
}

const run = (command, args, stdout = "pipe") => {
  const ended = spawnSync(command, args, {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 2 ** 26,
    stdio: ["ignore", stdout, "inherit"]
  })
  if (ended.error !== undefined) fail(`${command} could not be started: ${ended.error.message}`, 69)
  if (ended.status !== 0) fail(`${command} ${args.join(" ")} ended with ${ended.status}, see above`)
  return ended.stdout
}
/** git refuses a repository of another user, and in a container root often works on one. */
const git = (...args) => run("git", ["-c", `safe.directory=${root}`, ...args])

/** What the changelog says about the version, without its heading. */
const changes = () => {
  const text = readFileSync(join(root, "CHANGELOG.md"), "utf8")
  const sections = text.split(/^## /mu)
  const section = sections.find((one) => one.startsWith(`[${version}] - `))
  return section?.replace(/^.*\n/u, "").trim() ?? ""
}

/** Reasons to refuse a release, each a sentence; empty when there are none. */
const obstacles = (wanted) => {
  const tagged = git("tag", "--list", tag).trim() === "" ? undefined : git("rev-list", "-n1", tag).trim()
  return [
    wanted !== undefined && wanted !== version
      ? `package.json says ${version}, not ${wanted}: change it there and commit`
      : "",
    git("status", "--porcelain") === ""
      ? ""
      : "there are changes that are not committed: commit or remove them",
    changes() === "" ? `CHANGELOG.md has no section "## [${version}] - DATE": write it` : "",
    tagged !== undefined && tagged !== git("rev-parse", "HEAD").trim()
      ? `the tag ${tag} is on another commit, ${tagged.slice(0, 12)}: raise the version in package.json`
      : ""
  ].filter((sentence) => sentence !== "")
}

const entry = (path, file, mode = 0o644) => ({ path, mode, content: readFileSync(file) })

/** The files at or below a path of dist. git ignores dist, so the folder itself is read. */
const built = (part) =>
  (statSync(join(root, part)).isFile()
    ? [join(root, part)]
    : readdirSync(join(root, part), { recursive: true, withFileTypes: true })
        .filter((one) => one.isFile())
        .map((one) => join(one.parentPath, one.name))
  ).map((file) => entry(relative(root, file), file))

/** The tracked files at or below `paths`, with the modes that git records: neither stray files nor a umask change an archive. */
const committed = (paths) =>
  git("ls-files", "--stage", "-z", "--", ...paths)
    .split("\0")
    .filter((line) => line !== "")
    .map((line) => {
      const [, mode, path] = /^100(\d{3}) \S+ \d\t(.*)$/su.exec(line) ?? fail(`not a file: ${line}`)
      return entry(path, join(root, path), parseInt(mode, 8))
    })

/** The files of a release: `files` of package.json, which npm reads, too. */
const contents = () => {
  const isBuilt = (part) => part.startsWith("dist/")
  const parts = manifest.files
  return [
    ...parts.filter(isBuilt).flatMap(built),
    ...committed(["README.md", "LICENSE", ...parts.filter((part) => !isBuilt(part))])
  ].map((one) => (one.path === "dist/foreman.mjs" ? { ...one, mode: 0o755 } : one))
}

/** The flags that the bundle asks for in its first line. */
const nodeFlags = () =>
  /^#!\S+ -S node (.*)$/mu.exec(readFileSync(join(root, "dist", "foreman.mjs"), "utf8"))?.[1] ??
  fail("dist/foreman.mjs does not say how it is started")

/** Starts the bundle on the Node beside it, whatever links lead to the launcher. */
const launcher = () => `#!/bin/sh
file=$0
while [ -L "$file" ]; do
  link=$(readlink "$file")
  case $link in
    /*) file=$link ;;
    *) file=$(dirname "$file")/$link ;;
  esac
done
lib=$(cd "$(dirname "$file")/../lib" && pwd -P) || exit 78
exec "$lib/node" ${nodeFlags()} "$lib/foreman.mjs" "$@"
`

const platformArchive = async (platform, files) => [
  { path: "foreman/bin/foreman", mode: 0o755, content: Buffer.from(launcher()) },
  entry("foreman/lib/node", await pinnedNode(platform), 0o755),
  entry("foreman/lib/LICENSE.node", await pinnedNode(platform, "LICENSE")),
  ...files.map((one) => ({ ...one, path: `foreman/${one.path.replace(/^dist\//u, "lib/")}` }))
]

/**
 * What npm installs. The bundle brings its dependencies along, so only Node is one. The package.json of a checkout stays private: published
 * as it is, it would install packages that the bundle already contains.
 */
const npmPackage = (files) => {
  const { name, description, license, type, bin, engines, optionalDependencies } = manifest
  const published = { name, version, description, license, type, bin, engines, optionalDependencies }
  return [
    {
      path: "package/package.json",
      mode: 0o644,
      content: Buffer.from(`${JSON.stringify(published, null, 2)}\n`)
    },
    ...files.map((one) => ({ ...one, path: `package/${one.path}` }))
  ]
}

const main = async () => {
  const { values } = parseArgs({
    options: {
      version: { type: "string" },
      "dry-run": { type: "boolean", default: false },
      only: { type: "string", multiple: true, default: [...platforms, "npm"] },
      out: { type: "string", default: join("dist", "release") }
    }
  })
  const unknown = values.only.find((name) => name !== "npm" && !platforms.includes(name))
  if (unknown !== undefined) fail(`there is no ${unknown}: ${platforms.join(", ")}, npm`, 78)
  const found = obstacles(values.version)
  if (found.length > 0 && !values["dry-run"]) fail(found.join("\n"), 78)
  for (const sentence of found) console.error(`A release would be refused: ${sentence}`)

  run(process.execPath, [join(root, "scripts", "build.mjs")], 2)
  const out = resolve(root, values.out)
  mkdirSync(out, { recursive: true })
  const seconds = Number(git("log", "-1", "--format=%ct"))
  const files = contents()
  const sums = []
  for (const name of values.only.toSorted()) {
    const isNpm = name === "npm"
    const file = isNpm ? `${manifest.name}-${version}.tgz` : `foreman-${tag}-${name}.tar.gz`
    const bytes = archive(isNpm ? npmPackage(files) : await platformArchive(name, files), seconds)
    writeFileSync(join(out, file), bytes)
    sums.push(`${createHash("sha256").update(bytes).digest("hex")}  ${file}\n`)
    console.log(`${join(out, file)}  ${(bytes.length / 1e6).toFixed(1)} MB`)
  }
  writeFileSync(join(out, "SHA256SUMS"), sums.join(""))

  if (values["dry-run"] || git("tag", "--list", tag).trim() !== "") return
  // Headings of the changelog begin with what git takes for a comment.
  git("tag", "--annotate", "--cleanup=whitespace", `--message=Foreman ${version}\n\n${changes()}`, tag)
  console.log(
    `Tagged ${tag}. To publish: git push origin ${tag}, and npm publish ${manifest.name}-${version}.tgz`
  )
}

await main().catch((error) => {
  console.error(error.message)
  process.exitCode = typeof error.code === "number" ? error.code : 1
})
