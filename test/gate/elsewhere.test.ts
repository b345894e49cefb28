import { assert, describe, it } from "@effect/vitest"

import type { Subject } from "../../src/gate/bite.ts"
import { judgeTests, testsElsewhere } from "../../src/gate/bite.ts"
import { declaredTests } from "../../src/gate/testText.ts"

const subjectOf = (path: string, text: string): Subject => {
  const declared = declaredTests(path, text)
  return {
    path,
    text,
    tests: declared.map(({ name }) => name),
    changed: declared,
    isAdded: true,
    mustBite: true
  }
}

describe("a changed test that this machine skips", () => {
  it.each([
    ["a_test.py", '@skipIf(sys.platform == "linux", "no")\ndef test_a():\n    assert f()\n', true],
    [
      "a_test.py",
      'NEW = sys.version_info >= (3, 20)\n\n@pytest.mark.skipif(not NEW, reason="no")\ndef test_a():\n    assert f()\n',
      false
    ],
    [
      "a_test.py",
      'NEW = sys.version_info >= (3, 20)\n\n@skipUnless(NEW, "no")\ndef test_a():\n    assert f()\n',
      true
    ],
    ["a_test.py", '@skipUnless(os.environ.get("NEVER"), "no")\ndef test_a():\n    assert f()\n', false],
    ["a_test.py", '@skip("later")\ndef test_a():\n    assert f()\n', false],
    [
      "a_test.go",
      'func TestA(t *testing.T) {\n\tif runtime.GOOS != "windows" {\n\t\tt.Skip()\n\t}\n\tassert.True(t, f())\n}\n',
      true
    ],
    [
      "a.test.js",
      'test.skipIf(process.platform !== "win32")("test_a", () => { expect(f()).toBe(1) })\n',
      false
    ]
  ])("%s: %j: for another machine: %s", (path, text, isElsewhere) => {
    const subject = subjectOf(path, text)
    const skipped = subject.tests.map((name) => ({ name, outcome: "skipped" as const }))
    const [finding] = judgeTests(subject, skipped, undefined)
    assert.deepStrictEqual(testsElsewhere(subject, skipped), isElsewhere ? subject.tests : [])
    if (subject.tests.length > 0) assert.strictEqual(finding?.isNote === true, isElsewhere)
  })

  it("is no excuse where the test did run", () => {
    const subject = subjectOf(
      "a_test.py",
      '@skipIf(sys.platform == "win32", "no")\ndef test_a():\n    assert f()\n'
    )
    assert.deepStrictEqual(testsElsewhere(subject, [{ name: "test_a", outcome: "passed" }]), [])
  })
})
