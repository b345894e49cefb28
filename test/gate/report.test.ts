import { createHash } from "node:crypto"

import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"

import { Rule } from "../../src/gate/finding.ts"
import { gateAnswer } from "../../src/gate/report/answer.ts"
import { github } from "../../src/gate/report/github.ts"
import { gitlab } from "../../src/gate/report/gitlab.ts"
import { itemsOf } from "../../src/gate/report/items.ts"
import { junit } from "../../src/gate/report/junit.ts"
import { escaped, markdown } from "../../src/gate/report/markdown.ts"
import { ruleText } from "../../src/gate/report/rules.ts"
import { fingerprints, sarif, uriOf } from "../../src/gate/report/sarif.ts"
import { painter, table } from "../../src/gate/report/table.ts"
import { manyLines, oneLine } from "../../src/gate/report/text.ts"
import { allOf, check, envelope, finding, hostile } from "./reportItems.ts"

const digest = (text: string) => createHash("sha256").update(text).digest("hex")
const about = { digest, version: "1.2.3" }
const plain = painter(false)

/** Texts of which some are hostile, and some end or begin in the middle of it. */
const Text = Schema.String
const spliced = (text: string): string => {
  const at = text.length % hostile.length
  return `${text}${hostile.slice(at)}${text}${hostile.slice(0, at)}`
}
/** What a terminal, an editor or a line-wise reader obeys. A line feed is allowed where lines are the form. */
const obeyed = /[^\n\P{Cc}]|[\u2028\u2029\u202a-\u202e\u2066-\u2069]/u

describe("what a report points at", () => {
  it("is an error where the verdict rests on it, a warning where the policy warns, else a note", () => {
    const items = itemsOf(
      envelope({
        findings: [finding("hollow"), finding("untested"), finding("hollow", { isNote: true })]
      })
    )
    assert.deepStrictEqual(
      items.map(({ level }) => level),
      ["error", "warning", "note"]
    )
  })

  it("weighs as the judge says, where it says", () => {
    const items = itemsOf(
      envelope({
        findings: [
          finding("unproved", { weight: "warn" }),
          finding("weakened", { weight: "ask" }),
          finding("protected", { weight: "allowed" })
        ]
      })
    )
    assert.deepStrictEqual(
      items.map(({ level }) => level),
      ["warning", "error", "note"]
    )
  })

  it("is no error of a gate that passed: somebody allowed it", () => {
    const [item] = itemsOf(envelope({ verdict: "GATE-PASS", findings: [finding("protected")] }))
    assert.strictEqual(item?.level, "warning")
  })

  it("is a failed check only where the verdict rests on checks", () => {
    const checks = [check({ exitCode: 1 }), check({ name: "docs", skipped: "touches none of its paths" })]
    const levels = (reason: string) =>
      itemsOf(envelope({ checks, reason, findings: [] })).map(({ level, subject }) => [subject, level])
    assert.deepStrictEqual(
      [levels("CheckFailed"), levels("TestsHollow")],
      [[["unit", "error"]], [["unit", "note"]]]
    )
  })

  it("is each fault of a document at its line, and what the base shares is a note", () => {
    const logTail = "docs/a.md:3: leads to b.md, which is not there\nc.json: is no JSON (on the base too)"
    const checks = [check({ command: "(built in) links lead to files", exitCode: 1, logTail })]
    assert.deepStrictEqual(
      itemsOf(envelope({ checks, reason: "CheckFailed", findings: [] })).map((item) => [
        item.file,
        item.line,
        item.level
      ]),
      [
        ["docs/a.md", 3, "error"],
        ["c.json", undefined, "note"]
      ]
    )
  })

  it("is the gate itself where nothing was judged", () => {
    const [item] = itemsOf(
      envelope({
        verdict: "GATE-ERROR",
        reason: "CloneFailed",
        message: "clone: no",
        checks: [],
        findings: []
      })
    )
    assert.deepStrictEqual([item?.rule, item?.level, item?.subject], ["gate", "error", "CloneFailed"])
  })

  it("has words for each rule of the policy", () => {
    assert.deepStrictEqual(
      Rule.literals.filter((rule) => ruleText(rule).title === rule),
      []
    )
  })
})

describe("sarif", () => {
  const Log = Schema.Struct({
    version: Schema.Literal("2.1.0"),
    runs: Schema.Tuple([
      Schema.Struct({
        tool: Schema.Struct({
          driver: Schema.Struct({
            name: Schema.String,
            rules: Schema.Array(Schema.Struct({ id: Schema.String }))
          })
        }),
        invocations: Schema.Tuple([
          Schema.Struct({ executionSuccessful: Schema.Boolean, exitCode: Schema.Int })
        ]),
        results: Schema.Array(
          Schema.Struct({
            ruleId: Schema.String,
            ruleIndex: Schema.Int,
            level: Schema.Literals(["error", "warning", "note"]),
            message: Schema.Struct({ text: Schema.NonEmptyString }),
            locations: Schema.Tuple([
              Schema.Struct({
                physicalLocation: Schema.Struct({
                  artifactLocation: Schema.Struct({
                    uri: Schema.String,
                    uriBaseId: Schema.Literal("%SRCROOT%")
                  }),
                  region: Schema.Struct({
                    startLine: Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))
                  })
                })
              })
            ]),
            partialFingerprints: Schema.Record(Schema.String, Schema.NonEmptyString)
          })
        )
      })
    ])
  })
  const decode = Schema.decodeUnknownSync(Schema.fromJsonString(Log))
  const written = (whole: Parameters<typeof sarif>[0]) => decode(JSON.stringify(sarif(whole, about)))

  it("names each result's rule among the rules of the tool, and says whether the gate could judge", () => {
    const [{ invocations, results, tool }] = written(allOf("x")).runs
    for (const { ruleId, ruleIndex } of results) {
      assert.strictEqual(tool.driver.rules[ruleIndex]?.id, ruleId)
    }
    assert.deepStrictEqual([results.length, invocations[0]], [5, { executionSuccessful: true, exitCode: 1 }])
    const [error] = written(envelope({ verdict: "GATE-ERROR", reason: "CloneFailed" })).runs
    assert.deepStrictEqual(error.invocations[0], { executionSuccessful: false, exitCode: 69 })
  })

  it.each([
    ["src/a.js", "src/a.js"],
    ["a b/ü:c.js", "a%20b/%C3%BC%3Ac.js"],
    ["javascript:x#y?z%41", "javascript%3Ax%23y%3Fz%2541"],
    ["line\nfeed", "line%0Afeed"]
  ])("writes the path %j as a relative reference", (path, uri) => assert.strictEqual(uriOf(path), uri))

  it("knows a finding again when its line moved, and tells two alike apart", () => {
    const marks = (...lines: ReadonlyArray<number>) =>
      fingerprints(itemsOf(envelope({ findings: lines.map((line) => finding("hollow", { line })) })), digest)
    assert.deepStrictEqual(marks(3, 9), marks(5, 30))
    assert.strictEqual(new Set(marks(3, 9)).size, 2)
  })

  it.prop("holds any text", [Text], ([text]) => {
    const [{ results }] = written(allOf(spliced(text))).runs
    assert.isAtLeast(results.length, 4)
    for (const { locations, message } of results) {
      assert.notMatch(message.text, obeyed)
      assert.match(locations[0].physicalLocation.artifactLocation.uri, /^[\w\-.~!*'()%/]*$/u)
    }
  })
})

describe("junit", () => {
  /** A reader of XML, as far as ours goes: names of elements, their attributes and their text. Throws at what is not well-formed. */
  const read = (xml: string) => {
    // Characters that XML 1.0 allows, and no others.
    assert.match(xml, /^[\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u)
    const open: Array<string> = []
    const elements: Array<{ name: string; attributes: Record<string, string>; path: string }> = []
    const token = /<\?xml[^?]*\?>|<(\/?)([a-z-]+)((?: [a-z]+="[^"<]*")*)(\/?)>|([^<]+)/guy
    let at = 0
    for (const [whole, close, name = "", attributes = "", empty, text] of xml.matchAll(token)) {
      at += whole.length
      for (const part of [attributes, text ?? ""]) {
        assert.notMatch(part, /&(?!(?:amp|lt|gt|quot|apos|#\d+);)/u)
      }
      assert.notInclude(text ?? "", "]]>")
      if (name === "") continue
      if (close === "/") {
        assert.strictEqual(open.pop(), name)
        continue
      }
      elements.push({
        name,
        path: open.join("/"),
        attributes: Object.fromEntries(
          Array.from(attributes.matchAll(/ ([a-z]+)="([^"]*)"/gu), ([, key = "", value = ""]) => [key, value])
        )
      })
      if (empty !== "/") open.push(name)
    }
    assert.deepStrictEqual([at, open], [xml.length, []])
    return elements
  }
  const cases = (xml: string) => read(xml).filter(({ name }) => name === "testcase")

  it("has a case for each check and each rule of the policy, and counts what failed", () => {
    const xml = junit(envelope({ checks: [check(), check({ name: "docs", skipped: "nothing to do" })] }))
    assert.deepStrictEqual(
      cases(xml).map(({ attributes }) => attributes["name"]),
      ["verdict", "unit", "docs", ...Rule.literals]
    )
    const suites = read(xml).filter(({ name }) => name === "testsuite")
    assert.deepStrictEqual(
      suites.map(({ attributes: { failures, errors, skipped } }) => [failures, errors, skipped]),
      [
        ["0", "0", "0"],
        ["0", "0", "1"],
        ["1", "0", "0"]
      ]
    )
  })

  it("has an error and no failure where nothing was judged", () => {
    const xml = junit(
      envelope({
        verdict: "GATE-ERROR",
        reason: "CheckTimedOut",
        checks: [check({ exitCode: 1 })],
        findings: []
      })
    )
    const names = read(xml).map(({ name }) => name)
    assert.deepStrictEqual(
      [names.filter((name) => name === "error").length, names.includes("failure")],
      [2, false]
    )
  })

  it("does not fail for a check that is not held against the change", () => {
    const xml = junit(envelope({ verdict: "GATE-PASS", checks: [check({ exitCode: 1 })], findings: [] }))
    assert.deepStrictEqual(
      read(xml).flatMap(({ name }) => (name === "failure" || name === "skipped" ? [name] : [])),
      ["skipped"]
    )
  })

  it.prop("is well-formed with any text", [Text], ([text]) => {
    assert.isAtLeast(cases(junit(allOf(spliced(text)))).length, 8)
  })
})

describe("github", () => {
  it("annotates the line, the verdict last", () => {
    assert.deepStrictEqual(github(envelope()).split("\n"), [
      "::error file=src/a.js,line=3,title=hollow%3A A test passes without the change::adds: is not right",
      "::error title=GATE-FAIL TestsHollow::src/a.js: is not right"
    ])
  })

  it("escapes what separates properties from each other and from the message", () => {
    const [line] = github(
      envelope({ findings: [finding("dirty", { file: "a,b:c%d", message: "100 %" })] })
    ).split("\n")
    assert.strictEqual(
      line,
      "::error file=a%2Cb%3Ac%25d,title=dirty%3A A check left the tree changed::100 %25"
    )
  })

  it.prop("is one command a line with any text", [Text], ([text]) => {
    for (const line of github(allOf(spliced(text))).split("\n")) {
      assert.match(line, /^::(error|warning|notice) (file=[^:,]*,)?(line=\d+,)?title=[^:,]*::/u)
      assert.notMatch(line, obeyed)
    }
  })
})

describe("gitlab", () => {
  const Quality = Schema.Array(
    Schema.Struct({
      description: Schema.NonEmptyString,
      check_name: Schema.NonEmptyString,
      fingerprint: Schema.NonEmptyString,
      severity: Schema.Literals(["info", "minor", "major", "critical", "blocker"]),
      location: Schema.Struct({
        path: Schema.NonEmptyString,
        lines: Schema.Struct({ begin: Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)) })
      })
    })
  )
  const decode = Schema.decodeUnknownSync(Schema.fromJsonString(Quality))

  it.prop("has one fingerprint for each finding, whatever its text", [Text], ([text]) => {
    const issues = decode(JSON.stringify(gitlab(allOf(spliced(text)), digest)))
    assert.strictEqual(new Set(issues.map(({ fingerprint }) => fingerprint)).size, issues.length)
    for (const { description, location } of issues) assert.notMatch(description + location.path, obeyed)
  })

  it("ranks what fails above what warns above what is a note", () => {
    const issues = gitlab(
      envelope({ findings: [finding("hollow"), finding("untested"), finding("unused", { isNote: true })] }),
      digest
    )
    assert.deepStrictEqual(
      issues.map(({ severity }) => severity),
      ["major", "minor", "info"]
    )
  })
})

describe("markdown", () => {
  const unescaped = (text: string) =>
    text
      .replaceAll("\u200b", "")
      .replaceAll(/&#(\d+);/gu, (_, code: string) => String.fromCodePoint(Number(code)))

  it.prop("keeps its tables with any text", [Text], ([text]) => {
    const lines = markdown(allOf(spliced(text))).split("\n")
    const rows = lines.filter((line) => line.startsWith("|"))
    // A head, a ruler and a row for each of three checks, then the same for what was found.
    assert.deepStrictEqual(
      rows.map((line) => line.split("|").length - 2),
      [5, 5, 5, 5, 5, 4, 4, ...rows.slice(7).map(() => 4)]
    )
    assert.notMatch(lines.join("\n"), obeyed)
  })

  it.prop("shows a text as it is, and takes no mark of it for its own", [Text], ([text]) => {
    const shown = escaped(spliced(text))
    assert.strictEqual(unescaped(shown), oneLine(spliced(text)).replaceAll("\u200b", ""))
    assert.notMatch(shown, /[`*_[\]<>|\\!]|@(?!\u200b)|:\/\//u)
  })
})

describe("the table, and the answer to a tool", () => {
  it.prop("hold nothing that a terminal obeys", [Text], ([text]) => {
    assert.notMatch(table(allOf(spliced(text)), plain), obeyed)
    const answer = gateAnswer(allOf(spliced(text)), [spliced(text)])
    assert.notMatch(answer.message, obeyed)
    for (const { logTail = "" } of answer.checks) {
      assert.notMatch(logTail, /[^\n\t\P{Cc}]/u)
      assert.isAtMost(logTail.length, 2_000)
    }
  })
})

describe("output of a check", () => {
  it("loses its colours and keeps its lines", () => {
    assert.strictEqual(
      manyLines("\u001b[1;31mred\u001b[0m\r\n\tnext\u001b]8;;http://x\u001b\\link\u0007"),
      "red\n\tnextlink?"
    )
  })
})
