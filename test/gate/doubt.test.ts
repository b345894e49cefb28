import { assert, describe, it } from "@effect/vitest"

import { doubtOf } from "../../src/gate/doubt.ts"

const changed = (path: string, after: string) => ({
  path,
  status: "modified" as const,
  before: "",
  after,
  addedLines: after.split("\n").map((_, index) => index + 1),
  removedLines: []
})

describe("tests that pass without the change may do so by no fault of theirs", () => {
  it.each([
    ["lib.go", "func Stop() {\n\t<-s.done\n}", "runs at the same time"],
    ["lib.rs", "let guard = Mutex::new(1);", "runs at the same time"],
    ["lib.py", "with threading.RLock():", "runs at the same time"],
    ["test_lib.py", "    if sys.version_info >= (3, 14):\n        assert f()", "machines"],
    ["lib.js", 'if (process.platform === "win32") close()', "machines"],
    ["lib.py", "# with threading.RLock():\nx = 1", undefined],
    ["test_lib.py", "t = threading.Thread(target=f)", undefined],
    ["lib.py", "if version > 2:\n    return 1", undefined]
  ])("%s: %j: %s", (path, text, doubt) => {
    const said = doubtOf({ files: [changed(path, text)] })
    if (doubt === undefined) assert.isUndefined(said)
    else assert.include(said, doubt)
  })
})
