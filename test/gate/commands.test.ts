/** What a changed command, recipe or CI file means for the rule `protected`. */
import { assert, describe, it } from "@effect/vitest"

import { compareScript } from "../../src/gate/buildScript.ts"
import { compareCi } from "../../src/gate/ciChanges.ts"
import { compareCommands, isBump } from "../../src/gate/commands.ts"
import { filesRunBy } from "../../src/gate/recipes.ts"

describe("a command that changes", () => {
  it.each([
    ["node --test", "node --test || true", "fail"],
    ["node --test", "node --test || :", "fail"],
    ["node --test", "node --test; exit 0", "fail"],
    ["npm run lint && mocha", "npm run lint && mocha || echo failed", "fail"],
    ["jest", "true", "fail"],
    ["jest", "echo skipped && exit 0", "fail"],
    ["pytest -q", "pytest -q --co", "fail"],
    ["go test ./...", "set +e\ngo test ./...", "fail"],
    ["cargo test", "cargo test --no-run", "fail"],
    ["vitest run", "vitest run --passWithNoTests", "ask"],
    ["mocha test", "mocha test | cat", "ask"],
    ["mocha test/ test/acceptance/", "mocha test/", "ask"],
    ["node --test", "node --test test/easy.test.js", "ask"],
    ["go test ./...", "go test -run XXX ./...", "ask"],
    ["xo && ava", "ava", "ask"],
    ["node tools/lint.js && ava", "ava", "ask"],
    ["pytest", "NODE_OPTIONS=--import=./quiet.mjs pytest", "ask"],
    ["jest", "vitest run", "note"],
    ["xo && nyc mocha", "xo && nyc ava", "note"],
    ["xo && ava", "xo && tsc --noEmit && ava", "note"],
    ["mocha test", "cross-env CI=1 mocha test", "note"],
    ["rimraf dist && tsc", "tsc", "note"],
    ["eslint . && pytest", "pytest && eslint .", "note"],
    ["mocha test", "mocha test && rm -rf tmp || true", "fail"],
    ["tap test/*.js --cov", "tap", "note"],
    ["tap lib/check.js", "tap", "ask"],
    ["mocha 'spec/**/*.js'", "mocha", "ask"],
    ["mocha 'spec/**/*.spec.ts' -R dot", 'mocha "spec/**/*.spec.{ts,js}" -R dot', "note"],
    ["mocha 'spec/**/*.spec.ts'", 'mocha "spec/easy/*.spec.{ts,js}"', "ask"],
    ["mocha -g \\(a\\|b\\).in.c spec", "mocha spec", "note"],
    ["node --test dist/esm/test/*.js", "node --test dist/test/*.js", "note"],
    ["node --test dist/esm/test/*.js", "node --test dist/easy/*.js", "ask"],
    ["pytest tests/unit tests/slow", "pytest tests", "note"],
    ["pytest tests", "pytest tests/unit", "ask"],
    ["node test.js", "ava", "note"],
    ["node test/test.js", "mocha test/test.js", "note"],
    ["node test/test.js", "mocha test/easy.js", "ask"],
    ["node check.js && ava", "ava", "ask"],
    ["node scripts/transpile-to-esm.js && tap", "tsc && tap", "note"],
    ["node scripts/build-check.js && tap", "tsc && tap", "ask"],
    ["node scripts/build.js && tap", "tap", "ask"],
    ["$(GOLINT) ./...", "$(REVIVE) ./...", "note"],
    ["$(GOLINT) ./... && go test ./...", "go test ./...", "ask"],
    ["$(GOBIN)/golint ./...", "$(GOBIN)/revive ./...", "note"],
    ["tsc -p a.json && node --test", "tshy && node --test", "note"]
  ] as const)("%s → %s: %s", (before, after, weight) => {
    const found = compareCommands(before, after)
    assert.strictEqual(found?.weight, weight, found?.how)
  })

  it("is the same where nothing differs", () => {
    assert.isUndefined(compareCommands("a && b", "a && b"))
  })

  it.each([
    ["uses: actions/checkout@v4", "uses: actions/checkout@v5", true],
    ["rev: v0.4.1", "rev: v0.5.0", true],
    [
      "uses: a/b@8f4b7f84864484a7bf31766abe9204da3cbe65b3",
      "uses: a/b@11bd71901bbe5b1630ceea73d27597364c9af683",
      true
    ],
    ["STABLE?=1.88", "STABLE?=1.89", true],
    ["run: npm test", "run: npm run lint", false]
  ])("%s → %s is another version: %s", (before, after, is) => {
    assert.strictEqual(isBump(before, after), is)
  })
})

describe("a shell script that a check runs", () => {
  const build = "#!/bin/sh\nset -e\nrm -rf dist\ntsc -p a.json\ncp -r src/bin dist\n"
  it.each([
    ["one more bundle", build, `${build}esbuild --bundle dist/a.js --outfile=dist/b.js\n`, "note"],
    ["a comment", build, `# builds\n${build}`, undefined],
    [
      "a file that it writes",
      `${build}cat >dist/package.json <<EOF\n{"type": "module"}\nEOF\n`,
      `${build}cat >dist/package.json <<EOF\n{\n"type": "commonjs"}\nEOF\n`,
      undefined
    ],
    ["types that are no longer checked", build, build.replace("tsc -p a.json\n", ""), "ask"],
    ["a failure that no longer counts", build, build.replace("a.json", "a.json || true"), "fail"],
    ["tests that it takes away", build, `${build}rm -rf test/slow\n`, "ask"],
    ["tests that it replaces", build, `${build}cp easy.js dist/a.test.js\n`, "ask"],
    ["a variable for the runner", build, `${build}export NODE_OPTIONS=--import=./quiet.js\n`, "ask"],
    ["a program of the repository", build, `${build}node tools/a.js\n`, "ask"],
    ["a command in what it writes", build, `${build}cat >dist/a <<EOF\n$(node a.js)\nEOF\n`, "ask"],
    ["a program by a variable", build, `${build}$RUN tools/a.js\n`, "ask"],
    ["what evaluates a text", build, `${build}eval "$X"\n`, "ask"],
    ["one exception more", "go vet ./...\ngrep -v old out\n", "go vet ./...\ngrep -v new out\n", "ask"],
    ["a search less", "if grep -rn TODO src; then exit 1; fi\n", "true\n", "ask"],
    ["a size no longer compared", "[ -s a.log ] && exit 2\n", "echo done\n", "ask"]
  ] as const)("%s", (_, before, after, weight) => {
    const found = compareScript(before, after)
    assert.strictEqual(found?.weight, weight, found?.how)
  })
})

describe("the programs of a command", () => {
  it.each([
    ["prettier -c src test", []],
    ["cp -r src dist", []],
    ["tar -c src", []],
    ["rm -r src && mkdir -p dist", []],
    ["sh tools/prettier.sh -c src test", ["tools/prettier.sh"]],
    ["grep -r x src", []],
    ["eslint -c lint.js src", ["lint.js"]],
    ["tsc -p types", ["types/tsconfig.json"]],
    ["mocha --require test/env --reporter spec test", ["test/env"]],
    ["pytest -c ci/pytest.ini", ["ci/pytest.ini"]]
  ])("%s: %j", (command, files) => {
    assert.deepStrictEqual(filesRunBy(command), files)
  })
})

const workflow = (steps: string, more = "") =>
  `on: [push, pull_request]\njobs:\n  test:\n    runs-on: ubuntu-latest\n${more}    steps:\n${steps}`
const base = workflow(
  "      - uses: actions/checkout@v4\n      - run: npm ci\n      - run: npm test\n      - run: eslint .\n"
)

describe("a workflow that changes", () => {
  it.each([
    ["another version", base.replace("@v4", "@v5"), "note"],
    ["a comment", `# why\n${base}`, "note"],
    ["one more step", `${base}      - run: tsc --noEmit\n`, "note"],
    [
      "one more job",
      `${base}  docs:\n    runs-on: ubuntu-latest\n    continue-on-error: true\n    steps:\n      - run: make docs\n`,
      "note"
    ],
    [
      "a matrix",
      base.replace("    steps:", "    strategy:\n      matrix:\n        node: [20, 22]\n    steps:"),
      "note"
    ],
    ["a failure that no longer counts", base.replace("run: npm test", "run: npm test || true"), "fail"],
    ["continue-on-error", base.replace("    steps:", "    continue-on-error: true\n    steps:"), "fail"],
    ["if: false", base.replace("- run: npm test", "- if: false\n        run: npm test"), "fail"],
    ["a step less", base.replace("      - run: eslint .\n", ""), "ask"],
    [
      "a new condition",
      base.replace("- run: npm test", "- if: github.actor == 'x'\n        run: npm test"),
      "ask"
    ],
    ["no longer on pull requests", base.replace("[push, pull_request]", "[push]"), "ask"],
    [
      "with secrets for other people's changes",
      base.replace("[push, pull_request]", "[push, pull_request, pull_request_target]"),
      "ask"
    ],
    [
      "a permission",
      base.replace("    steps:", "    permissions:\n      contents: write\n    steps:"),
      "ask"
    ],
    ["what is not valid YAML", "jobs: [\n", "ask"]
  ] as const)("%s", (_, after, weight) => {
    const [found] = compareCi([{ path: ".github/workflows/ci.yml", status: "modified", before: base, after }])
    assert.strictEqual(found?.weight, weight, found?.how)
  })

  it("a step that moves to another file is no step less, and a deleted file asks", () => {
    const less = base.replace("      - run: eslint .\n", "")
    const lint = workflow("      - uses: actions/checkout@v4\n      - run: eslint .\n")
    const [moved] = compareCi([
      { path: ".github/workflows/ci.yml", status: "modified", before: base, after: less },
      { path: ".github/workflows/lint.yml", status: "added", before: undefined, after: lint }
    ])
    assert.strictEqual(moved?.weight, "note", moved?.how)
    const [gone] = compareCi([
      { path: ".github/workflows/ci.yml", status: "deleted", before: base, after: undefined }
    ])
    assert.strictEqual(gone?.weight, "ask")
  })
})
