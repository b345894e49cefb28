import { assert, describe, it } from "@effect/vitest"

import type { Change, ChangedFile } from "../../src/gate/change.ts"
import { type Check, makeCheck } from "../../src/gate/checks.ts"
import { coverageOf, covers, isUntouched } from "../../src/gate/coverage.ts"
import { checkDocuments, lostBy, pathsOf } from "../../src/gate/documents.ts"
import { type BuildFiles, protectedChanges } from "../../src/gate/protectedFiles.ts"
import { maxCommandBytes } from "../../src/gate/exchange.ts"
import { toolChecks } from "../../src/gate/toolChecks.ts"
import { newDefinitions, newFiles, untested, unused } from "../../src/gate/untested.ts"

/** Every line of `after` counts as added. */
const file = (path: string, after: string | undefined, before?: string): ChangedFile => ({
  path,
  status: after === undefined ? "deleted" : before === undefined ? "added" : "modified",
  addedLines: after?.split("\n").map((_, index) => index + 1) ?? [],
  removedLines: [],
  before,
  after
})
const changeOf = (...files: ReadonlyArray<ChangedFile>): Change => ({ files })
const check = (command: string) => ({ name: "c", command })

describe("what is protected", () => {
  it.each([
    [".github/workflows/ci.yml", true],
    [".foreman/gate.yaml", true],
    [".goreleaser.yaml", true],
    ["CODEOWNERS", true],
    ["Jenkinsfile", true],
    [".github/ISSUE_TEMPLATE.md", false],
    ["docs/ci.md", false],
    ["src/ci/run.go", false]
  ])("%s by its path: %s", (path, isProtected) => {
    const findings = protectedChanges(changeOf(file(path, "x\n", "y\n")), [check("true")])
    assert.strictEqual(findings.length > 0, isProtected)
  })

  it("a protected file that is moved away is touched as well", () => {
    const moved = { ...file("old/ci.yml", "x\n", "x\n"), oldPath: ".github/workflows/ci.yml" }
    assert.strictEqual(protectedChanges(changeOf(moved), []).length, 1)
  })

  const manifest = (scripts: object, more: object = {}) => JSON.stringify({ scripts, ...more })
  it.each([
    [
      "a dependency",
      manifest({ test: "jest" }),
      manifest({ test: "jest" }, { dependencies: { a: "1" } }),
      false
    ],
    ["a script that nothing runs", manifest({ test: "jest" }), manifest({ test: "jest", x: "y" }), false],
    ["the script itself", manifest({ test: "jest" }), manifest({ test: "true" }), true],
    ["what runs before it", manifest({ test: "jest" }), manifest({ test: "jest", pretest: "rm -r t" }), true],
    [
      "a script that it calls",
      manifest({ test: "npm run unit", unit: "jest" }),
      manifest({ test: "npm run unit", unit: "true" }),
      true
    ]
  ])("package.json, where %s changes: %s", (_, before, after, isProtected) => {
    const findings = protectedChanges(changeOf(file("package.json", after, before)), [check("npm test")])
    assert.strictEqual(findings.length > 0, isProtected)
  })

  it("a makefile as far as the checks run it", () => {
    const before = "test:\n\t./run\nship:\n\tx\n"
    const findings = (after: string) =>
      protectedChanges(changeOf(file("Makefile", after, before)), [makeCheck("test")]).map(({ rule }) => rule)
    assert.deepStrictEqual(findings(before.replace("./run", "true")), ["protected"])
    assert.deepStrictEqual(findings(before.replace("\tx", "\ty")), [])
  })

  it.each([
    ["sh ./ci/lint.sh && sh test.sh", ["ci/lint.sh"]],
    ["./ci/lint.sh --fix src/app.js", ["ci/lint.sh"]],
    ["node tools/lint.js src/app.js", ["tools/lint.js"]],
    ["node --no-warnings --import ./tools/hook.js tools/lint.js", ["tools/hook.js", "tools/lint.js"]],
    ["CI=1 timeout -k 5 60 python3 tools/lint.py", ["tools/lint.py"]],
    ["python3 tools", ["tools/hook.js", "tools/lint.js", "tools/lint.py"]],
    ["go run ./go/lint ./...", ["go/lint/main.go"]],
    ["eslint --config tools/lint.js src", ["tools/lint.js"]],
    ["sh -n ci/lint.sh", []],
    ["shellcheck ci/lint.sh", []],
    ["node --check src/app.js", []],
    ["python3 -m compileall tools/lint.py", []],
    ["go vet ./go/lint", []],
    ["node --test test.sh", []]
  ])("of the programs of %s: %j", (command, expected) => {
    const paths = ["ci/lint.sh", "test.sh", "src/app.js", "tools/hook.js", "tools/lint.js", "tools/lint.py"]
    // What a program needs is none.
    const change = changeOf(
      ...[...paths, "go/lint/main.go", "go/lint/go.sum", "tools/uv.lock"].map((path) =>
        file(path, "x\n", "y\n")
      )
    )
    const findings = protectedChanges(change, [check(command)])
    assert.deepStrictEqual(findings.map(({ file }) => file).toSorted(), expected)
  })

  it("the program that make or npm runs for a check", () => {
    const change = changeOf(file("tools/lint.js", "x\n", "y\n"))
    const makefile = "lint:\n\t@node tools/lint.js\nship:\n\tnode tools/ship.js\n"
    const named = (checks: ReadonlyArray<Check>, base: BuildFiles) =>
      protectedChanges(change, checks, new Map([["", base]])).map(({ file }) => file)
    assert.deepStrictEqual(named([makeCheck("lint")], { makefile }), ["tools/lint.js"])
    assert.deepStrictEqual(named([makeCheck("ship")], { makefile }), [])
    const scripts = manifest({ test: "npm run lint", lint: "node tools/lint.js" })
    assert.deepStrictEqual(named([check("npm test")], { manifest: scripts }), ["tools/lint.js"])
  })

  const scripts = (test: string) => manifest({ test, lint: "node tools/lint.js" })
  const nested = changeOf(
    file("web/package.json", scripts("echo ok"), scripts("node --test")),
    file("package.json", scripts("echo ok"), scripts("node --test")),
    file("web/Makefile", "unit:\n\ttrue\n", "unit:\n\tnpm test\n"),
    file("web/tools/lint.js", "x\n", "y\n")
  )
  it.each([
    ["npm test", ["package.json"]],
    ["cd web && npm test", ["web/package.json"]],
    ["npm --prefix web test", ["web/package.json"]],
    ["(cd ./web; npm run lint)", ["web/tools/lint.js"]],
    ["make -C web unit", ["web/Makefile"]],
    ["cd web && node tools/lint.js", ["web/tools/lint.js"]],
    ["cd web && node ../tools/lint.js", []]
  ])("what a check runs in another folder: %s", (command, expected) => {
    const base = new Map([["web/", { manifest: scripts("node --test"), makefile: "unit:\n\tnpm test\n" }]])
    const findings = protectedChanges(nested, [check(command)], base)
    assert.deepStrictEqual(
      findings.map(({ file }) => file),
      expected
    )
  })
})

describe("the share of the diff that something examined", () => {
  const paths = ["a.go", "b.py", "c.sh", "docs/d.md", "go.mod", ".x/e.go"]
  it.each([
    ["go test ./...", undefined, ["a.go", "go.mod", ".x/e.go"]],
    ["make test", undefined, ["a.go", "b.py", "c.sh", ".x/e.go"]],
    ["anything", ["docs/**", "**/*.go"], ["a.go", "docs/d.md", ".x/e.go"]],
    ["ruff check . && go vet ./...", undefined, ["a.go", "b.py", "go.mod", ".x/e.go"]]
  ])("%s with globs %s covers %s", (command, globs, expected) => {
    const looksAt = covers({ command, ...(globs !== undefined && { paths: globs }) })
    assert.deepStrictEqual(paths.filter(looksAt), expected)
  })

  it("names what nothing looked at, and counts no deleted file", () => {
    const change = changeOf(file("a.go", "x"), file("b.txt", "x"), file("c.txt", undefined, "x"))
    assert.deepStrictEqual(coverageOf(change, [covers(check("go vet"))]), {
      files: 2,
      examined: 1,
      uncovered: ["b.txt"]
    })
  })

  it("a check with globs has nothing to do where the change touches none, by old name or new", () => {
    const only = { ...check("x"), paths: ["src/**"] }
    const moved = { ...file("lib/a.go", "x", "x"), oldPath: "src/a.go" }
    assert.deepStrictEqual(
      [changeOf(file("b.md", "x")), changeOf(moved), changeOf(file("src/x", "x"))].map((change) =>
        isUntouched(only, change)
      ),
      [true, false, false]
    )
    assert.isFalse(isUntouched(check("x"), changeOf()))
  })
})

describe("documents", () => {
  const faults = (path: string, after: string, before?: string) => {
    const paths = pathsOf(["docs/a.md", "docs/img/x.png", "README.md", path])
    const [found] = checkDocuments(changeOf(file(path, after, before)), paths)
    return found?.faults.map(({ line, message }) => `${line ?? ""} ${message}`)
  }

  it("that link to what the change takes away, whether it touches them or not", () => {
    const paths = pathsOf(["README.md", "docs/a.md", "OTHER.md"])
    const change = changeOf(
      file("docs/how.md", undefined, "x\n"),
      file("README.md", "[how](docs/how.md), [it](gone.md) works\n", "[how](docs/how.md), [it](gone.md)\n")
    )
    const others = new Map([
      ["OTHER.md", "[a](docs/a.md)\n[how](docs/how.md#then)\n[never](docs/never.md)\n"],
      ["README.md", "not read twice: [how](docs/how.md)\n"]
    ])
    const [found] = checkDocuments(change, paths, others)
    assert.deepStrictEqual(
      [found?.name, found?.files, found?.faults.map(({ file, line, message }) => [file, line, message])],
      [
        "markdown",
        ["README.md"],
        [
          ["README.md", 1, "the link docs/how.md leads nowhere"],
          ["OTHER.md", 2, "the link docs/how.md#then leads nowhere"]
        ]
      ]
    )
    assert.deepStrictEqual(lostBy(change, paths), ["docs/how.md"])
    const moved = { ...file("new/x.md", "x\n", "x\n"), status: "renamed" as const, oldPath: "old/x.md" }
    assert.deepStrictEqual(lostBy(changeOf(moved), pathsOf(["new/x.md"])), ["old/x.md", "old"])
  })

  it.each([
    ["a.json", '{"a": 1}', []],
    ["a.json", '{"a": 1,}', ["1 is not valid JSON"]],
    ["tsconfig.json", '{ // comment\n"a": 1,}', undefined],
    ["a.yaml", "a: 1\n---\nb: 2\n", []],
    ["a.yaml", "a: {{ .Values.x }}\n", undefined],
    ["job.yaml", "apiVersion: batch/v1\nkind: Job\nmetadata: {name: x}\n", []],
    [
      "job.yaml",
      "apiVersion: batch/v1\nkind: Job\nspec: {}\n",
      ["1 the manifest of a Job has no metadata.name"]
    ],
    ["kind.yaml", "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes: []\n", []],
    ["docs/b.md", "[a](a.md#part), [i](./img/x.png) [up](../README.md) [web](https://x.y) [h](#h)\n", []],
    ["docs/b.md", "[a](./a) [a](a.html) [readme](../README)\n", []],
    ["tests/fixtures/bad.json", "{", undefined],
    ["src/__fixtures__/bad.yaml", "a: [", undefined],
    ["docs/b.md", "ok\n\n[a](missing.md)\n", ["3 the link missing.md leads nowhere"]],
    ["docs/b.md", "`[a](no.md)`\n```sh\n[a](no.md)\n```\n[forge](../../issues)\n", []],
    ["docs/b.md", "[ref]: gone.md\n", ["1 the link gone.md leads nowhere"]],
    ["docs/b.md", "[^1]: They say so.\n[x](TODO)\n", []],
    ["docs/b.md", "[a site's folder](../a/)\n", []],
    ["a.yaml", "a: {\n  b: 1\n}\n", []]
  ])("%s: %s", (path, text, expected) => {
    assert.deepStrictEqual(faults(path, text), expected)
  })

  it("YAML that does not parse is told with its line, in a file and in Markdown", () => {
    assert.match(faults("a.yaml", "a: 1\nb: [\n")?.[0] ?? "", /^\d+ is not valid YAML: /u)
    assert.match(
      faults("docs/b.md", "text\n\n```yaml\na: 1\nb: {\n```\n")?.[0] ?? "",
      /^\d+ is not valid YAML: /u
    )
  })

  it("what the base has as well is not the change's", () => {
    assert.deepStrictEqual(faults("a.json", "{", "["), [])
    assert.deepStrictEqual(faults("docs/b.md", "[a](no.md) more\n", "[a](no.md)\n"), [])
    assert.deepStrictEqual(faults("docs/b.md", "[a](no.md) [b](nor.md)\n", "[a](no.md)\n"), [
      "1 the link nor.md leads nowhere"
    ])
  })
})

describe("tools for what is no code", () => {
  it("are asked for the files that they know, each path one word of the shell", () => {
    const change = changeOf(
      file("it's.sh", "x"),
      file("bin/run", "#!/usr/bin/env bash\nx"),
      file(".github/workflows/ci.yml", "on: push"),
      file("Dockerfile", "FROM x"),
      file("gone.sh", undefined, "x")
    )
    assert.deepStrictEqual(
      toolChecks(change).map(({ name, files }) => [name, files]),
      [
        ["shell", ["it's.sh", "bin/run"]],
        ["workflows", [".github/workflows/ci.yml"]],
        ["dockerfile", ["Dockerfile"]]
      ]
    )
    assert.include(toolChecks(change)[0]?.command ?? "", `'it'\\''s.sh'`)
  })

  it("are asked for as many as one command can name", () => {
    const paths = Array.from({ length: 100 }, (_, n) => `${"deep/".repeat(40)}${n}.sh`)
    const [check] = toolChecks(changeOf(...paths.map((path) => file(path, "x"))))
    assert.isAtMost(Buffer.byteLength(check?.command ?? ""), maxCommandBytes)
    assert.isAbove(check?.files.length ?? 0, 50)
    assert.isBelow(check?.files.length ?? 100, 100)
  })
})

describe("production without a test", () => {
  it.each([
    ["production alone", [file("a.py", "x = 1")], ["a.py"]],
    ["with a test", [file("a.py", "x = 1"), file("tests/test_a.py", "def test(): pass")], []],
    ["with a test taken away", [file("a.py", "x = 1"), file("tests/test_a.py", undefined, "x")], ["a.py"]],
    ["comments alone", [file("a.py", "# why\n\n")], []],
    ["documents alone", [file("a.md", "x")], []],
    ["generated code", [file("a.go", "// Code generated by x. DO NOT EDIT.\nvar x = 1")], []],
    ["a Rust file with its test inside", [file("a.rs", "fn x() {}\n#[test]\nfn t() {}")], []],
    ["code that went away", [file("a.py", undefined, "x = 1")], []]
  ])("%s: %s", (_, files, expected) => {
    assert.deepStrictEqual(
      untested(changeOf(...files)).map(({ file }) => file),
      expected
    )
  })
})

describe("new code that nothing names", () => {
  it("is a new top-level definition that the commit mentions once", () => {
    const change = changeOf(
      file("a.py", "def used(): pass\ndef lonely(): pass\n@route\ndef page(): pass\ndef main(): pass\n"),
      file("b.go", "func Known() {}\nfunc Fresh() {}\n", "func Known() {}\n"),
      file("c.ts", "export const wide = 1\nconst x = () => {\n  const inner = 1\n}\n"),
      file("d_test.go", "func TestX() {}\nfunc helper() {}\n")
    )
    const defined = newDefinitions(change)
    assert.deepStrictEqual(
      defined.map(({ name }) => name),
      ["used", "lonely", "Fresh", "wide", "x"]
    )
    const mentions = new Map([
      ["used", 2],
      ["lonely", 1],
      ["Fresh", 3],
      ["wide", 1],
      ["x", 2]
    ])
    assert.deepStrictEqual(
      unused(defined, mentions).map(({ file, line, message }) => [file, line, message]),
      [
        ["a.py", 2, "nothing else in the repository names lonely"],
        ["c.ts", 1, "nothing else in the repository names wide"]
      ]
    )
  })

  it.each([
    ["shop/stock_new.py", "def f(): pass\n", 0, true],
    ["shop/stock_new.py", "def f(): pass\n", 1, false],
    ["shop/stock_new.py", "# stock_new: the new stock\n", 1, true],
    ["src/stock-new.ts", "import './stock-new.css'\n", 2, false],
    ["src/index.ts", "export {}\n", 0, false],
    ["scripts/stock.py", "x = 1\n", 0, false],
    ["stock.py", "#!/usr/bin/env python3\n", 0, false],
    ["stock.go", "package stock\n", 0, false],
    ["tests/test_stock.py", "x = 1\n", 0, false]
  ])("a new file %s of %j, named %d times: %s", (path, text, count, isUnused) => {
    const defined = newFiles(changeOf(file(path, text)))
    const mentions = new Map(defined.map(({ name }) => [name, count]))
    assert.strictEqual(unused(defined, mentions).length > 0, isUnused)
  })
})
