/** Failed tests of two whole runs, compared by what their runners report. */
import { assert, describe, it } from "@effect/vitest"

import { failedIn, isWithin } from "../../src/gate/runners/report.ts"
import { runnerOf } from "../../src/gate/testRunner.ts"

const within = (command: string, commit: string, base: string, touched: ReadonlyArray<string> = []) => {
  const runner = runnerOf({ command }, {})
  if (runner === undefined) throw new Error(`no runner: ${command}`)
  return isWithin(failedIn(runner, commit), failedIn(runner, base), (id) => touched.includes(id))
}

const pytest = (...failed: ReadonlyArray<string>) =>
  `${failed.map((id) => `FAILED ${id} - assert 0\n`).join("")}=== ${failed.length} failed, 3 passed in 0.12s ===\n`
const node = (folder: string, ...failed: ReadonlyArray<string>) =>
  `${failed.map((name) => `not ok 1 - ${name.replace("test/", `${folder}/repository/test/`)}\n`).join("")}# pass 3\n# fail ${failed.length}\n# cancelled 0\n`
const jest = (...files: ReadonlyArray<string>) =>
  `${files.map((file) => `FAIL ${file}\n  ● Test suite failed to run\n`).join("")}Test Suites: ${files.length} failed, 1 passed, 3 total\nTests:       3 passed, 3 total\n`
const go = (...packages: ReadonlyArray<string>) =>
  `ok  \texample.com/a\t0.1s\n${packages.map((name) => `FAIL\t${name} [build failed]\n`).join("")}FAIL\n`

describe("the failed tests of a commit lie within those of its base", () => {
  it.each([
    ["fewer of them", "pytest", pytest("a.py::a"), pytest("a.py::a", "a.py::b"), true],
    ["one more", "pytest", pytest("a.py::a", "a.py::b"), pytest("a.py::a"), false],
    [
      "a name that the report leaves out",
      "pytest",
      pytest("a.py::a").replace("1 failed", "2 failed"),
      pytest("a.py::a"),
      undefined
    ],
    ["no summary", "pytest", "FAILED a.py::a - x\n", pytest("a.py::a"), undefined],
    [
      "collecting was interrupted",
      "pytest",
      `!!!! Interrupted: 1 error during collection !!!!\n${pytest("a.py::a")}`,
      pytest("a.py::a"),
      undefined
    ],
    [
      "a file that cannot be loaded, in another folder",
      "node --test",
      node("/a", "test/db.js"),
      node("/b", "test/db.js"),
      true
    ],
    [
      "another file that cannot be loaded",
      "node --test",
      node("/a", "test/db.js", "test/x.js"),
      node("/a", "test/db.js"),
      false
    ],
    [
      "two of one name where the base had one",
      "node --test",
      node("/a", "adds", "adds"),
      node("/a", "adds"),
      false
    ],
    ["a suite that cannot be loaded, by its file", "jest", jest("a.test.js"), jest("a.test.js"), true],
    ["another suite that cannot be loaded", "jest", jest("a.test.js", "b.test.js"), jest("a.test.js"), false],
    ["a package that does not compile", "go test ./...", go("example.com/b"), go("example.com/b"), true],
    [
      "another package that does not compile",
      "go test ./...",
      go("example.com/b", "example.com/c"),
      go("example.com/b"),
      false
    ],
    [
      "a panic hides the rest of a package",
      "go test ./...",
      `panic: x\n${go("example.com/b")}`,
      go("example.com/b"),
      undefined
    ]
  ] as const)("%s", (_rule, command, commit, base, wanted) => {
    assert.strictEqual(within(command, commit, base), wanted)
  })

  it("but not one that the change touched", () => {
    assert.isFalse(within("pytest", pytest("a.py::a"), pytest("a.py::a"), ["a.py::a"]))
  })
})
