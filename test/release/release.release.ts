/** What `npm run release` refuses, tags and makes; tried in clones of the current commit. */
import { execFileSync, spawnSync } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"

import manifest from "../../package.json" with { type: "json" }

const root = join(import.meta.dirname, "..", "..")
const tag = `v${manifest.version}`
const out = (clone: string) => join(clone, "dist", "release")

let scratch = ""

const git = (clone: string, ...args: ReadonlyArray<string>): string =>
  execFileSync("git", ["-C", clone, "-c", "user.name=a", "-c", "user.email=a@b.c", ...args], {
    encoding: "utf8"
  }).trim()

const makeClone = (name: string): string => {
  const clone = join(scratch, name)
  execFileSync("git", ["clone", "--quiet", "--no-tags", root, clone])
  symlinkSync(join(root, "node_modules"), join(clone, "node_modules"))
  // .gitignore names a folder, and this is a link.
  writeFileSync(join(clone, ".git", "info", "exclude"), "node_modules\n")
  return clone
}

/** Releases the npm package alone, which is quick. */
const release = (clone: string, ...flags: ReadonlyArray<string>) => {
  const { status, stderr } = spawnSync(process.execPath, ["scripts/release.mjs", "--only=npm", ...flags], {
    cwd: clone,
    encoding: "utf8",
    env: { ...process.env, GIT_COMMITTER_NAME: "a", GIT_COMMITTER_EMAIL: "a@b.c" }
  })
  return { code: status, stderr }
}

describe("npm run release", () => {
  beforeAll(() => void (scratch = mkdtempSync(join(tmpdir(), "foreman-release-"))))
  afterAll(() => rmSync(scratch, { recursive: true, force: true }))

  it("refuses another version, an unclean tree and a version that the changelog does not have", () => {
    const clone = makeClone("refused")
    const refusal = (...flags: ReadonlyArray<string>) => {
      const { code, stderr } = release(clone, ...flags)
      assert.deepStrictEqual([code, git(clone, "tag"), readdirSync(clone).includes("dist")], [78, "", false])
      return stderr
    }
    assert.include(refusal("--version=9.9.9"), `package.json says ${manifest.version}, not 9.9.9`)
    const changelog = join(clone, "CHANGELOG.md")
    writeFileSync(
      changelog,
      readFileSync(changelog, "utf8").replace(`## [${manifest.version}]`, "## [0.0.1]")
    )
    assert.include(refusal(), "not committed")
    git(clone, "commit", "--quiet", "--all", "--message=Change the changelog")
    assert.include(refusal(), `CHANGELOG.md has no section "## [${manifest.version}] - DATE"`)
  })

  it("tags the commit with its changes, once, and makes the same bytes in every clone", () => {
    const [clone, other] = [makeClone("one"), makeClone("another")]
    const made = release(clone, `--version=${manifest.version}`)
    assert.strictEqual(made.code, 0, made.stderr)
    assert.strictEqual(git(clone, "cat-file", "-t", tag), "tag")
    assert.strictEqual(git(clone, "rev-parse", `${tag}^{commit}`), git(clone, "rev-parse", "HEAD"))
    assert.include(git(clone, "tag", "--list", "--format=%(contents)", tag), "### Added\n")

    assert.strictEqual(release(other, "--dry-run").code, 0)
    assert.strictEqual(git(other, "tag"), "")
    const file = `${manifest.name}-${manifest.version}.tgz`
    assert.isTrue(readFileSync(join(out(clone), file)).equals(readFileSync(join(out(other), file))))

    git(clone, "commit", "--quiet", "--allow-empty", "--message=Go on")
    const again = release(clone)
    assert.strictEqual(again.code, 78)
    assert.include(again.stderr, `the tag ${tag} is on another commit`)
  })
})
