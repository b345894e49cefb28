/** `cargo test`: tests of a whole target by its kind and name, tests inside a module by its path. */
import { allOf, options, render } from "./invocation.ts"
import { distinct, plain, type Recognise, type TestOutcome, within } from "./TestRunner.ts"

const valued =
  /^(?:-[jpF]|--(?:features|target|profile|manifest-path|jobs|package|target-dir|color|config|message-format))$/u
const ours = /^(?:-[vq]+|--(?:quiet|verbose|workspace|all|no-fail-fast|all-targets|tests))$/u
/** With these a check runs some targets of a package only. */
const choosing =
  /^(?:-p|--(?:package|test|lib|bin|bins|doc|example|examples|bench|benches|exclude|no-run|manifest-path))(?:=|$)/u
const outcomes: Readonly<Record<string, TestOutcome["outcome"]>> = {
  ok: "passed",
  FAILED: "failed",
  ignored: "skipped"
}

export const cargo: Recognise = ({ lead, folder, words }) => {
  const at = words[1]?.startsWith("+") === true ? 2 : 1
  if (words[0] !== "cargo" || (words[at] !== "test" && words[at] !== "t")) return undefined
  const end = words.indexOf("--")
  const given = options(words.slice(at + 1, end < 0 ? undefined : end), valued)
  if (given.operands.length > 0 || end >= 0 || given.options.some((option) => choosing.test(option)))
    return undefined
  const start = [...words.slice(0, at), "test", ...given.options.filter((option) => !ours.test(option))]
  return {
    name: "cargo test",
    isShared: true,
    takes: (path) => placeOf(folder, path) !== undefined,
    surelyCollects: () => true,
    narrow: (files) => {
      const places = files.flatMap(({ path }) => placeOf(folder, path) ?? [])
      const packages = new Set(places.map((place) => place.package))
      const commands = [...packages].flatMap((name) => {
        const own = name === "" ? start : [...start, "--manifest-path", `${name}Cargo.toml`]
        const mine = places.filter((place) => place.package === name)
        const targets = mine.flatMap(({ target = [] }) => target)
        const modules = mine.flatMap(({ module }) => (module === undefined ? [] : [module]))
        return [
          ...(targets.length > 0 ? [[...own, ...targets]] : []),
          ...(modules.length > 0 ? [[...own, "--", ...modules]] : [])
        ]
      })
      return allOf(lead, commands)
    },
    read: (output) => {
      const text = plain(output)
      if (!/^test result: /mu.test(text)) return undefined
      let file: string | undefined
      return [
        ...text.matchAll(
          /^test (?<name>\S+)(?: - [^\n]*?)? \.\.\. (?:[^\n]*?)(?<word>ok|FAILED|ignored)\b|^\s+Running (?:unittests )?(?<target>\S+\.rs) \(/gmu
        )
      ].flatMap(({ groups = {} }): ReadonlyArray<TestOutcome> => {
        const { name, target, word = "" } = groups
        // What a target of the package's own code runs lies in any of its modules.
        if (name === undefined) file = target?.includes("tests/") === true ? target : undefined
        return name === undefined
          ? []
          : [{ name: name.split("::").at(-1) ?? name, outcome: outcomes[word] ?? "skipped", file }]
      })
    },
    failures: (output) =>
      distinct(
        [
          ...plain(output).matchAll(/^(?:test (\S+)(?: - [^\n]*?)? \.\.\. FAILED|---- (\S+) stdout ----)$/gmu)
        ].map(([, first, second]) => ({
          id: first ?? second ?? "",
          name: (first ?? second ?? "").split("::").at(-1) ?? ""
        }))
      ),
    only: (failures) => render(lead, [...start, "--", "--exact", ...failures.map(({ id }) => id)]),
    except: (failures) =>
      render(lead, [...start, "--", "--exact", ...failures.flatMap(({ id }) => ["--skip", id])])
  }
}

interface Place {
  /** Folder of the package, relative to the command's; empty, or ending with a slash. */
  readonly package: string
  /** The options that choose a target. */
  readonly target?: ReadonlyArray<string>
  readonly module?: string
}

/** Files that are a target, each with the option for it. What their modules of tests are called is their own affair. */
const targets: ReadonlyArray<readonly [RegExp, string]> = [
  [/^((?:.*\/)?)tests\/(\w[\w-]*)(?:\/main)?\.rs$/u, "--test"],
  [/^((?:.*\/)?)src\/bin\/(\w[\w-]*)(?:\/.+)?\.rs$/u, "--bin"],
  [/^((?:.*\/)?)src\/lib\.rs$/u, "--lib"],
  // The name of the package is not known here.
  [/^((?:.*\/)?)src\/main\.rs$/u, "--bins"]
]

const placeOf = (folder: string, path: string): Place | undefined => {
  const inside = within(folder, path) ?? ""
  for (const [pattern, option] of targets) {
    const [whole, name = "", target] = pattern.exec(inside) ?? []
    if (whole !== undefined)
      return { package: name, target: target === undefined ? [option] : [option, target] }
  }
  const unit = /^((?:.*\/)?)src\/(.+?)(?:\/mod)?\.rs$/u.exec(inside)
  return unit === null
    ? undefined
    : { package: unit[1] ?? "", module: `${(unit[2] ?? "").replaceAll("/", "::")}::` }
}
