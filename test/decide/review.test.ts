import { assert, describe, it } from "@effect/vitest"

import { parseDiff } from "../../src/decide/diff.ts"
import { Reading } from "../../src/decide/reading.ts"
import { judgeReview, type ReviewFinding } from "../../src/decide/review.ts"

const diff = `diff --git a/src/a.ts b/src/a.ts
index 1..2 100644
--- a/src/a.ts
+++ b/src/a.ts
@@ -1,3 +1,3 @@
 one
-two
+zwei
 three
@@ -10 +10,2 @@ function f
-++ ten
+++ zehn
+more
\\ No newline at end of file
diff --git a/gone.md b/gone.md
deleted file mode 100644
--- a/gone.md
+++ /dev/null
@@ -1 +0,0 @@
-bye
diff --git "a/caf\\303\\251 1.txt" "b/caf\\303\\251 2.txt"
similarity index 100%
rename from "caf\\303\\251 1.txt"
rename to "caf\\303\\251 2.txt"
diff --git a/package-lock.json b/package-lock.json
--- a/package-lock.json
+++ b/package-lock.json
@@ -1 +1 @@
-{}
+{ }
`

const finding = (changes: Partial<ReviewFinding>): ReviewFinding => ({
  severity: "major",
  area: "tests",
  file: "src/a.ts",
  message: "no",
  ...changes
})
const readAll = () => {
  const reading = new Reading(diff)
  reading.show(1, 100_000)
  return reading
}

describe("a diff", () => {
  it("has a hunk for each change, and for a file that is only renamed", () => {
    assert.deepStrictEqual(
      parseDiff(diff).hunks.map(({ lines, name }) => [name, lines.length]),
      [
        ["src/a.ts:1-3", 2],
        ["src/a.ts:10-11", 3],
        ["gone.md", 1],
        ["café 2.txt", 2],
        ["package-lock.json:1", 2]
      ]
    )
  })

  it("has what git says of a file beside its hunks, but for that it is new or gone", () => {
    const said = (words: string) =>
      parseDiff(`diff --git a/run.sh b/run.sh\n${words}\n--- a/run.sh\n+++ b/run.sh\n@@ -1 +1 @@\n-a\n+b\n`)
        .hunks.map(({ name }) => name)
        .sort()
    for (const words of ["old mode 100644\nnew mode 100755", "rename from run\nrename to run.sh"]) {
      assert.deepStrictEqual(said(words), ["run.sh", "run.sh:1"], words)
    }
    assert.deepStrictEqual(said("new file mode 120000"), ["run.sh", "run.sh:1"])
    assert.deepStrictEqual(said("new file mode 100644"), ["run.sh:1"])
    const reading = new Reading("diff --git a/x.ts b/Cargo.lock\nrename from x.ts\nrename to Cargo.lock\n")
    assert.deepStrictEqual(
      [reading.excused, reading.unread.map(({ name }) => name)],
      [[], ["Cargo.lock"]],
      "a lock file need not be read, but what became one"
    )
  })

  it("of nothing has no lines", () => {
    assert.deepStrictEqual(parseDiff(""), { lines: [], hunks: [] })
  })
})

describe("a reading", () => {
  it("goes page by page, in whole lines, and knows what is still to be read; a lock file is not", () => {
    const reading = new Reading(diff)
    const page = reading.show(1, 120)
    assert.deepInclude(page, { from: 1, to: 9 })
    assert.deepStrictEqual(
      reading.unread.map(({ name }) => name),
      ["src/a.ts:10-11", "gone.md", "café 2.txt"]
    )
    reading.show(page.to + 1, 100_000)
    assert.deepStrictEqual(reading.unread, [])
    assert.deepStrictEqual(reading.excused, ["package-lock.json"])
  })

  it("of a line that is longer than a page is over when its end was shown", () => {
    const end = "; steal()"
    const reading = new Reading(
      `diff --git a/n.js b/n.js\n--- a/n.js\n+++ b/n.js\n@@ -0,0 +1 @@\n+${" ".repeat(40_000)}${end}\n`
    )
    let shown = ""
    for (let from = 1; reading.unread.length > 0;) {
      assert.notInclude(shown, end)
      const page = reading.show(from, 16_384)
      assert.isAtMost(page.text.length, 16_384)
      shown += page.text
      from = page.to + 1
    }
    assert.include(shown, end)
  })

  it("of the file does not show what was taken away, nor lines that are not the commit's", () => {
    const added = new Reading("diff --git a/n b/n\n--- /dev/null\n+++ b/n\n@@ -0,0 +1,2 @@\n+a\n+b\n")
    added.showFile("n", 1, "a\nx\n")
    assert.strictEqual(added.unread.length, 1)
    added.showFile("n", 2, "b\n")
    assert.strictEqual(added.unread.length, 0)

    const changed = new Reading(diff)
    changed.showFile("src/a.ts", 1, "one\nzwei\nthree\n")
    assert.strictEqual(changed.unread[0]?.name, "src/a.ts:1-3")
  })

  it.each<[string, string, number | undefined, boolean]>([
    ["an added line", "src/a.ts", 2, true],
    ["a line of context", "src/a.ts", 3, false],
    ["a line of the file beside the change", "src/a.ts", 7, false],
    ["a file of the change as a whole", "src/a.ts", undefined, true],
    ["where a file was deleted", "gone.md", 1, true],
    ["a file that was only renamed", "café 2.txt", 7, true],
    ["another file", "src/b.ts", 2, false]
  ])("%s can hold a finding or not", (_, file, line, expected) => {
    assert.strictEqual(readAll().isChanged(file, line), expected)
  })
})

describe("the verdict of a review", () => {
  it.each<[string, Reading, "GO" | "NO-GO", ReadonlyArray<ReviewFinding>, string]>([
    ["all read, nothing found", readAll(), "GO", [], "GO"],
    ["a minor finding does not block", readAll(), "GO", [finding({ severity: "minor", line: 2 })], "GO"],
    ["a major finding does", readAll(), "GO", [finding({ line: 2 })], "NO-GO BlockingFindings"],
    ["and does so unread", new Reading(diff), "NO-GO", [finding({ line: 2 })], "NO-GO"],
    ["nothing read", new Reading(diff), "GO", [], "INCOMPLETE DiffNotRead"],
    [
      "findings beside the change",
      readAll(),
      "NO-GO",
      [finding({ line: 7 })],
      "INCOMPLETE FindingsNotGrounded"
    ],
    ["its own NO-GO is never overruled", readAll(), "NO-GO", [finding({ severity: "minor" })], "NO-GO"],
    ["an older reviewer's NO-GO", new Reading(diff), "NO-GO", [], "NO-GO"],
    ["a branch without a change", new Reading(""), "GO", [], "NO-GO NothingToReview"]
  ])("%s", (_, reading, verdict, findings, expected) => {
    const judged = judgeReview(reading, { verdict, findings }, false)
    assert.ok(judged._tag === "Judged")
    assert.strictEqual([judged.verdict, judged.reason].filter(Boolean).join(" "), expected)
  })

  it("is handed back while there is a try left", () => {
    const tags = [
      judgeReview(new Reading(diff), { verdict: "GO", findings: [] }, true),
      judgeReview(readAll(), { verdict: "NO-GO", findings: [finding({ line: 7 })] }, true),
      judgeReview(readAll(), { verdict: "NO-GO", findings: [finding({ severity: "minor" })] }, true),
      judgeReview(new Reading(""), { verdict: "GO", findings: [] }, true)
    ].map(({ _tag }) => _tag)
    assert.deepStrictEqual(tags, ["HandBack", "HandBack", "HandBack", "HandBack"])
  })
})
