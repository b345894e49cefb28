/** `go test`. Its JSON is made by the go command, which tells a test's own frames from what the test prints. */
import { Option, Schema } from "effect"

import { options, render } from "./invocation.ts"
import {
  distinct,
  type Failure,
  literally,
  plain,
  type Recognise,
  type TestOutcome,
  within
} from "./TestRunner.ts"

const valued =
  /^--?(?:run|skip|count|timeout|tags|p|parallel|cpu|ldflags|gcflags|asmflags|mod|modfile|vet|exec|o|bench|benchtime|covermode|coverpkg|coverprofile|shuffle|fuzz|overlay|toolexec)$/u
const ours = /^--?(?:v|json|count|cover\w*)(?:=|$)/u
/** With these a check runs some tests of a package only, or none. */
const choosing = /^--?(?:run|list|bench|fuzz|args|exec|c|o)(?:=|$)/u

const Event = Schema.fromJsonString(
  Schema.Struct({
    Action: Schema.String,
    Package: Schema.optionalKey(Schema.String),
    Test: Schema.optionalKey(Schema.String)
  })
)
const decode = Schema.decodeUnknownOption(Event)
const outcomes: Readonly<Record<string, TestOutcome["outcome"]>> = {
  pass: "passed",
  fail: "failed",
  skip: "skipped"
}

export const go: Recognise = ({ lead, folder, words }) => {
  if (words[0] !== "go" || words[1] !== "test") return undefined
  const given = options(words.slice(2), valued)
  if (given.options.some((option) => choosing.test(option))) return undefined
  const flags = given.options.filter(
    (option, index, all) => !ours.test(option) && !/^--?(?:count|cover\w+)$/u.test(all[index - 1] ?? "")
  )
  // The check itself vets; a part of its tests need not do so again.
  const again = flags.some((flag) => /^--?vet(?:=|$)/u.test(flag)) ? flags : [...flags, "-vet=off"]
  const packages = given.operands.length === 0 ? ["."] : given.operands
  return {
    name: "go test",
    isShared: true,
    takes: (path) => path.endsWith("_test.go") && within(folder, path) !== undefined,
    surelyCollects: (path) => {
      const inside = packageOf(folder, path)
      return (
        !/(^|\/)(?:testdata|vendor|[._][^/]*)(\/|$)/u.test(inside.slice(2)) &&
        packages.some((pattern) => {
          const root = pattern.replace(/\/\.\.\.$/u, "")
          return root === inside || (root !== pattern && (root === "." || inside.startsWith(`${root}/`)))
        })
      )
    },
    narrow: (files) =>
      render(lead, [
        "go",
        "test",
        ...again,
        "-count=1",
        "-json",
        "-run",
        `^(${[...new Set(files.flatMap(({ tests }) => tests))].join("|")})$`,
        ...new Set(files.map(({ path }) => packageOf(folder, path)))
      ]),
    read: (output) => {
      const events = output.split("\n").flatMap((line) => Option.toArray(decode(line)))
      return events.length === 0
        ? undefined
        : events.flatMap(({ Action, Test: name }) => {
            const outcome = outcomes[Action]
            return name === undefined || outcome === undefined ? [] : [{ name, outcome }]
          })
    },
    failures: (output) => {
      const found: Array<Failure> = []
      let names: Array<string> = []
      for (const line of plain(output).split("\n")) {
        const test = /^\s*--- FAIL: ([^\s/]+)/u.exec(line)?.[1]
        if (test !== undefined) names.push(test)
        const place = /^(?:FAIL|ok)\s+(\S+)/u.exec(line)?.[1]
        if (place === undefined) continue
        found.push(...names.map((name) => ({ id: name, name, place })))
        names = []
      }
      return distinct(found)
    },
    only: (failures) =>
      render(lead, [
        "go",
        "test",
        ...flags,
        "-count=1",
        "-run",
        pattern(failures),
        ...new Set(failures.map(({ place }) => place ?? "./..."))
      ]),
    except: (failures) =>
      // Go takes one pattern of what is left out.
      flags.some((flag) => /^--?skip(?:=|$)/u.test(flag))
        ? undefined
        : render(lead, ["go", "test", ...flags, "-count=1", "-skip", pattern(failures), ...packages]),
    compile: render(lead, ["go", "test", ...flags, "-run", "^$", ...packages])
  }
}

const pattern = (failures: ReadonlyArray<Failure>): string =>
  `^(${[...new Set(failures.map(({ name }) => literally(name)))].join("|")})$`

/** `./pkg` for `pkg/a_test.go`, `.` for the folder of the command. */
const packageOf = (folder: string, path: string): string => {
  const inside = within(folder, path) ?? path
  const at = inside.lastIndexOf("/")
  return at < 0 ? "." : `./${inside.slice(0, at)}`
}
