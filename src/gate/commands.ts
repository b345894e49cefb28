/** What a changed command of a check means: the same programs on the same files, something added, or a failure that no longer counts. */
import { withoutWrappers } from "./recipes.ts"
import { isMissed, runsFile, targetsIn } from "./runnerTargets.ts"

/** `fail` is certain, `ask` cannot know the intent, `note` is worth a look. */
export interface CommandChange {
  readonly weight: "fail" | "ask" | "note"
  readonly how: string
}

/** Shell text without what is quoted or escaped, which may be anything; of the same length. */
const unquoted = (text: string): string =>
  text.replaceAll(/\\[^\n]|"(?:\\.|[^"\\])*(?:"|$)|'[^']*(?:'|$)/gu, (found) => "_".repeat(found.length))

/** Simple commands, in order. Quoted parts are kept whole. */
const simpleCommands = (text: string): ReadonlyArray<string> => {
  const source = text.replaceAll(/\\\n/gu, " ")
  const shape = unquoted(source)
  const commands: Array<string> = []
  let from = 0
  for (const { 0: mark, index } of shape.matchAll(/&&|\|\||[;\n|&(){}]/gu)) {
    // `2>&1` and `$(…)` are part of a command, `&` in a path is quoted.
    if (mark === "&" && /[>0-9]/u.test(shape[index - 1] ?? "")) continue
    commands.push(source.slice(from, index))
    from = index + mark.length
  }
  return [...commands, source.slice(from)]
    .map((command) => command.trim())
    .filter((command) => command !== "" && !command.startsWith("#"))
}

/** Forms by which a command succeeds whatever the one before it said. */
const swallows: ReadonlyArray<RegExp> = [
  /\|\|\s*(?:true|:|\/bin\/true|exit 0|echo\b|printf\b|return 0|\(exit 0\))/gu,
  /(?:;|\n|(?<!&)&(?!&))\s*(?:true|:|exit 0)\s*(?:$|[;\n)])/gu,
  /\bset \+e\b/gu,
  /\btrap\s+\S+\s+(?:EXIT|ERR|0)\b/gu,
  /^\s*!\s+\S/gmu
]
const hides: ReadonlyArray<RegExp> = [
  /\|\|/gu,
  /(?<![|>])\|(?!\|)\s*(?:cat|tee|head|tail|grep|sed|awk|xargs|tap-\w+)/gu,
  /(?<![&>])&\s*$/gmu
]

const count = (forms: ReadonlyArray<RegExp>, text: string): number =>
  forms.reduce((sum, form) => sum + (unquoted(text).match(form)?.length ?? 0), 0)

/** Programs that do the same work; one in place of another is a choice of tools. */
const kinds: ReadonlyArray<readonly [kind: string, form: RegExp]> = [
  [
    "tests",
    /^(?:npm run|npm test|mocha|_mocha|jest|ava|vitest|tap|tape|borp|karma|playwright|cypress|jasmine|uvu|qunit|lab|pytest|py\.test|tox|nox|unittest|nose2?|nosetests|go test|go run|cargo test|cargo nextest|node --test|bun test|deno test|ctest|rspec|bats|mvn|gradle|gradlew|make|hatch|trial|stestr|gotestsum|richgo|cross test|cross)$/u
  ],
  [
    "lint",
    /^(?:eslint|xo|standardx?|semistandard|oxlint|oxfmt|biome|tslint|jshint|prettier|ruff|flake8|pylint|black|isort|pyupgrade|autoflake|pydocstyle|bandit|pre-commit|golangci-lint|golint|revive|staticcheck|gofmt|gofumpt|goimports|go vet|go fmt|cargo clippy|cargo fmt|rustfmt|shellcheck|codespell|twine|check-manifest|commitlint|neostandard|markdownlint\S*)$/u
  ],
  [
    "types",
    /^(?:tsc|tsgo|tshy|tsd|tsd-check|vue-tsc|flow|dtslint|mypy|pyright|basedpyright|ty|pyre|attw|publint|cargo check|check-dts)$/u
  ]
]
const kindOf = (program: string): string | undefined => kinds.find(([, form]) => form.test(program))?.[0]

/** They prepare, build, tidy up or print: what they no longer do is no check lost. */
const prepares =
  /^(?:rm|cp|mkdir|mv|ln|cat|ls|touch|chmod|export|set|cd|pushd|popd|echo|printf|true|:|exit|sleep|test|\[|\[\[|if|then|fi|else|elif|for|do|done|while|case|esac|rimraf|rimraf2|del-cli|cross-env|cpy|shx|mkdirp|npm|pnpm|yarn|bun|npx|pip3?|uv|poetry|pdm|pipx|apt|apt-get|sudo|brew|choco|curl|wget|git|tar|unzip|gem|bundle|corepack|nvm|rustup|docker|rollup|vite|webpack|esbuild|tsup|unbuild|obuild|tsdown|zshy|swc|babel|browserify|uglifyjs|terser|microbundle|parcel|sass|coverage|codecov|coveralls|nyc|c8|istanbul|bun install|setup\.py|cargo build|cargo install|cargo doc|cargo generate-lockfile|cargo update|cargo fetch|go build|go mod|go install|go get|go generate|go version|python -m build|sphinx-build|release-it|changelogen|bumpp|node -e|source|\.|which|command|env|sed|awk|grep|head|tail|tee|wc|sort|find|xargs|date|uname|tsx|lerna|turbo|nx|cat|gh|ssh|scp|rsync|cmake|virtualenv|source|deactivate|wait|kill|time|sha256sum|cargo --version|rustc|node --version|node|python)$/u

const bundlers = /^(?:rollup|vite|webpack|esbuild|tsup|unbuild|tsdown|swc|babel|microbundle|parcel)$/u

const doesNothing = /^(?:true|:|\/bin\/true|exit|echo|printf|sleep|test|\[|cd|ls|cat|pwd|date)$/u

export interface Run {
  readonly program: string
  readonly words: ReadonlyArray<string>
}

/** The program and its first word where that says what it does: `go test`, `python -m pytest`, `node --test`. */
const runOf = (command: string): Run => {
  const [first = "", ...rest] = withoutWrappers(command.replace(/^[@+-]+/u, "").split(/\s+/u))
  const name = first
    .replace(/^.*node_modules\/(?:\.bin\/|\w+\/bin\/)/u, "")
    .replace(/^(?:\$[{(])?(\w+)[)}]?$/u, "$1")
    // `$(GOBIN)/revive`, of which the variable is cut off.
    .replace(/^\/(?=[\w-]+$)/u, "")
    // `$(GOLINT)`
    .replace(/^[A-Z][A-Z_]+$/u, (variable) => variable.toLowerCase())
    .replace(/^(@?[\w/-]+)@\S+$/u, "$1")
  if (/^python[\d.]*$/u.test(name)) {
    const at = rest.indexOf("-m")
    if (at >= 0) return runOf(rest.slice(at + 1).join(" "))
  }
  if (/^(?:nyc|c8|istanbul|coverage)$/u.test(name)) {
    const inner = rest.findIndex(
      (_, index) => kindOf(runOf(rest.slice(index).join(" ")).program) !== undefined
    )
    if (inner >= 0) return runOf(rest.slice(inner).join(" "))
  }
  const verb = rest.find((word) => !/^(?:\+|-\w|--(?!test))/u.test(word) || word === "--test") ?? ""
  const both = `${name} ${verb}`
  // A script by its name; without one, a call whose script is compared itself.
  if (/^(?:npm|pnpm|yarn|bun)$/u.test(name) && /^(?:run(?:-script)?|test|t|tst)$/u.test(verb)) {
    const end = rest.indexOf("--")
    const named = rest
      .slice(0, end < 0 ? rest.length : end)
      .find((word) => word !== verb && !word.startsWith("-"))
    const program = verb.startsWith("run") ? `npm run${named === undefined ? "" : ` ${named}`}` : "npm test"
    return { program, words: rest.filter((word) => word !== verb && word !== named) }
  }
  if (/^(?:go|cargo|bun|deno|cross)$/u.test(name))
    return { program: both, words: rest.filter((word) => word !== verb) }
  if (name === "node" && rest.includes("--test"))
    return { program: "node --test", words: rest.filter((word) => word !== "--test") }
  // What an interpreter runs is what counts.
  if (/^(?:node|sh|bash|tsx|ruby|python[\d.]*)$/u.test(name) && /^[\w./-]+\.\w+$/u.test(verb))
    return { program: verb.replace(/^\.\//u, ""), words: rest.filter((word) => word !== verb) }
  return { program: name, words: rest }
}

/** Options that make a program of checks check nothing, or never say no. */
const empties =
  /^(?:--(?:list|listTests|version|help|no-run|collect-only|co|dry-run|exit-zero|fixtures|markers|showConfig|setup-plan|print-config)|-list)(?:=|$)/u
/** Options that choose, repeat or let pass. */
const selects =
  /^(?:--(?:passWithNoTests|pass-with-no-tests|testPathIgnorePatterns|test-name-pattern|testNamePattern|test-skip-pattern|exclude|exclude-\w+|skip|ignore|ignore-\w+|deselect|grep|fgrep|invert|only|only-changed|changed|retry|retries|reruns|keyword|allow-empty|allowOnly|no-fail|no-error-on-unmatched-pattern|quiet|if-present|last-failed|lf|continue-on-collection-errors|suppress-no-test-exit-code|maxWarnings|related|shard|lib|doc|bins?|tests?-only|findRelatedTests|bail=0|cov-fail-under)|-(?:run|skip|short|k|m|g|i|t|x))(?:=|$)/u

const changeOfRun = (before: Run, after: Run): CommandChange | undefined => {
  if (before.words.join(" ") === after.words.join(" ")) return undefined
  const known = new Set(before.words)
  const added = after.words.filter((word) => !known.has(word))
  const isChecking = kindOf(after.program) !== undefined
  const nothing = added.find((word) => empties.test(word))
  if (nothing !== undefined && isChecking)
    return { weight: "fail", how: `${after.program} ${nothing} checks nothing` }
  const chosen = added.find((word) => selects.test(word))
  if (chosen !== undefined && isChecking) return { weight: "ask", how: `${after.program} has ${chosen}` }
  if (kindOf(after.program) === "tests") {
    const [was, is] = [targetsIn(before), targetsIn(after)]
    const isNarrower =
      was.length === 0 ? is.length > 0 : was.some((target) => isMissed(after.program, is, target))
    if (isNarrower)
      return {
        weight: "ask",
        how: `${after.program} runs on ${is.join(" ") || "other files"} where it ran on ${was.join(" ") || "all"}`
      }
  }
  return { weight: "note", how: `${after.program} has other options` }
}

/** Whether what may fail in silence now is a check that the base had, a new one, or something that prepares. */
const swallowed = (before: string, after: string): CommandChange => {
  const known = new Set(before.split("\n").map((line) => line.trim()))
  const lines = after.split("\n").filter((line) => !known.has(line.trim()) && count(swallows, line) > 0)
  const had = new Set(simpleCommands(before).map((command) => runOf(command).program))
  const programs = (lines.length === 0 ? [after] : lines).flatMap((line) =>
    simpleCommands(line)
      .map((command) => runOf(command).program)
      .filter((program) => kindOf(program) !== undefined || !prepares.test(program))
  )
  if (programs.some((program) => had.has(program)) || /\bset \+e\b/u.test(lines.join("\n")))
    return { weight: "fail", how: "a command that fails no longer counts" }
  return {
    weight: programs.some((program) => kindOf(program) !== undefined) ? "ask" : "note",
    how: "a new command may fail"
  }
}

const rank = { fail: 2, ask: 1, note: 0 } as const

/** Of both sides together. */
const maxCharacters = 400_000

/** The programs of a shell text, in order. */
export const programsIn = (text: string): ReadonlyArray<string> =>
  simpleCommands(text)
    .map((command) => runOf(command).program)
    .filter((program) => program !== "" && !/^[<>\d]/u.test(program))

/** Scripts of a project that are named after the product that they make, and not after anything that they check. */
const isBuilder = (program: string): boolean =>
  /(?:^|\/)(?:build|bundle|compile|transpile)(?:-(?:to-)?(?:esm|cjs|js|types|dist|lib))*\.[cm]?[jt]s$/u.test(
    program
  )

/**
 * From the commands of base and commit, all that a check comes to, one a line. Undefined where they do the same. `isKnownBuild` says of a
 * script of the repository that it only builds.
 */
export const compareCommands = (
  before: string,
  after: string,
  isKnownBuild: (program: string) => boolean = () => false
): CommandChange | undefined => {
  if (before === after) return undefined
  if (before.length + after.length > maxCharacters) return { weight: "ask", how: "too much to compare" }
  const found: Array<CommandChange> = []
  if (count(swallows, after) > count(swallows, before)) found.push(swallowed(before, after))
  else if (count(hides, after) > count(hides, before))
    found.push({ weight: "ask", how: "a failure may no longer count" })
  const [was, is] = [before, after].map((text) =>
    simpleCommands(text)
      .map(runOf)
      .filter(({ program }) => /^[A-Za-z_.@/][\w.@/:+ -]*$/u.test(program))
  )
  const left = [...(is ?? [])]
  const lost: Array<Run> = []
  for (const run of was ?? []) {
    const same = left.filter(({ program }) => program === run.program)
    const best = same.find(({ words }) => words.join(" ") === run.words.join(" ")) ?? same[0]
    if (best === undefined) {
      lost.push(run)
      continue
    }
    left.splice(left.indexOf(best), 1)
    const change = changeOfRun(run, best)
    if (change !== undefined) found.push(change)
  }
  const isIdle =
    was?.some(({ program }) => !doesNothing.test(program)) === true &&
    is?.every(({ program }) => doesNothing.test(program)) === true
  if (isIdle) return { weight: "fail", how: "nothing runs any more" }
  const isBuilt = is?.some(({ program }) => kindOf(program) === "types" || bundlers.test(program)) === true
  for (const run of lost) {
    const kind = kindOf(run.program)
    const isReplaced =
      (kind !== undefined && is?.some(({ program }) => kindOf(program) === kind) === true) ||
      is?.some(
        (one) =>
          one.program === run.program || (kindOf(one.program) === "tests" && runsFile(one, run.program))
      ) === true
    if (
      isReplaced ||
      isKnownBuild(run.program) ||
      (isBuilt && isBuilder(run.program)) ||
      (kind === undefined && prepares.test(run.program))
    )
      found.push({ weight: "note", how: `${run.program} went` })
    else found.push({ weight: "ask", how: `${run.program} no longer runs` })
  }
  const loads =
    /\bNODE_OPTIONS=\S*|\bPYTEST_ADDOPTS=\S*|\bPYTHONPATH=\S*|\bGOFLAGS=\S*|\bRUSTFLAGS=\S*|\bLD_PRELOAD=\S*|\bPYTHONSTARTUP=\S*/gu
  const known = new Set(before.match(loads))
  const variable = (after.match(loads) ?? []).find(
    (word) => !known.has(word) && !/max-old-space|memory|PYTHONPATH/u.test(word)
  )
  if (variable !== undefined) found.push({ weight: "ask", how: `${variable.slice(0, 80)} is set` })
  if (found.length === 0) found.push({ weight: "note", how: "something is added" })
  return found.toSorted((a, b) => rank[b.weight] - rank[a.weight])[0]
}

/** Whether two texts differ in numbers alone, as a bumped version does. */
export const isBump = (before: string, after: string): boolean => {
  const shape = (text: string) =>
    text
      .replaceAll(/\b[0-9a-f]{40}\b(?:\s*#.*)?/gu, "N")
      .replaceAll(/v?\d+(?:[.\w-]*\d+)*(?:[-.]?(?:alpha|beta|rc|dev|stable|nightly|lts|x)[\d.]*)*/giu, "N")
      .replaceAll(/\b(?:stable|nightly|beta|lts\/?\S*|latest|main|master)\b/giu, "N")
      .replaceAll(/\s+/gu, " ")
  return shape(before) === shape(after)
}
