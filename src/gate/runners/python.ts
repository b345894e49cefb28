/** pytest and unittest. */
import { allOf, options, render } from "./invocation.ts"
import { distinct, plain, type Recognise, type TestOutcome, within } from "./TestRunner.ts"

const isPython = (path: string) => path.endsWith(".py")
const nameOf = (path: string) => path.slice(path.lastIndexOf("/") + 1)

const valued =
  /^(?:-[kmcnpoW]|--(?:rootdir|maxfail|durations|junitxml|junit-xml|cov-config|cov-report|ignore|ignore-glob|deselect|basetemp|confcutdir|numprocesses|dist|timeout|tb|color|capture|log-level|import-mode))$/u
const shown =
  /^(?:-[qvsxl]+|--(?:tb|color|capture|show-capture|quiet|verbose|no-header|cov|cov-report|cov-fail-under|maxfail|exitfirst)(?:=.*)?|-r\w*)$/u
const words: Readonly<Record<string, TestOutcome["outcome"]>> = {
  PASSED: "passed",
  XFAIL: "passed",
  XPASS: "passed",
  FAILED: "failed",
  ERROR: "failed",
  SKIPPED: "skipped"
}

export const pytest: Recognise = (invocation) => {
  const { lead, folder } = invocation
  const at = invocation.words.findIndex((word) => /^(?:.*\/)?(?:pytest|py\.test)$/u.test(word))
  if (
    at < 0 ||
    !invocation.words
      .slice(0, at)
      .every((word) => /^(?:[\w./-]*python[\d.]*|-m|uv|poetry|pipenv|hatch|run|coverage)$/u.test(word))
  ) {
    return undefined
  }
  const given = options(invocation.words.slice(at + 1), valued)
  const flags = given.options.filter(
    (option, index, all) =>
      !shown.test(option) && !/^--(?:tb|color|capture|cov-report|maxfail)$/u.test(all[index - 1] ?? "")
  )
  const start = invocation.words.slice(0, at + 1)
  return {
    name: "pytest",
    isShared: false,
    isNothing: (exitCode) => exitCode === 5 || exitCode === 4,
    takes: (path) => isPython(path) && within(folder, path) !== undefined,
    surelyCollects: (path) =>
      /^test_|_test\.py$/u.test(nameOf(path)) &&
      !/(^|\/)(?:\.[^/]*|build|dist|node_modules|venv|[^/]*\.egg)\//u.test(path) &&
      given.operands.every((operand) => operand === ".") &&
      !flags.some((flag) => /^--(?:ignore|deselect|pyargs)|^-c$/u.test(flag)),
    narrow: (files) =>
      render(lead, [
        ...start,
        ...flags,
        "-vv",
        "-rA",
        "--tb=line",
        "--show-capture=no",
        "--continue-on-collection-errors",
        ...files.map(({ path }) => within(folder, path) ?? path)
      ]),
    read: (output) => {
      const text = plain(output)
      if (
        !/^(?:=+ )?(?:\d+ (?:passed|failed|skipped|error|xfailed|xpassed|deselected)|no tests ran)/mu.test(
          text
        )
      )
        return undefined
      // The summary names what was skipped by its line only.
      const summed = [
        ...text.matchAll(/^(PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS) (?:\[\d+\] )?(\S+(?:\[.*?\])?)/gmu)
      ]
      const skipped = [...text.matchAll(/^(\S+?\.py::.*?) (SKIPPED)\b/gmu)].map(([, id, word]) => [
        "",
        word,
        id
      ])
      return [...summed, ...skipped].map(([, word = "", id = ""]) => ({
        name: (id.split("::").at(-1) ?? id).replace(/\[.*$/su, ""),
        outcome: words[word] ?? "skipped",
        file: id.split("::")[0] ?? id
      }))
    },
    failures: (output) =>
      distinct(
        [
          ...plain(output).matchAll(
            /^(?:FAILED|ERROR) (\S+?\.py)(?:::([^\s[]+(?:\[.*?\](?= - |$))?)|(?= - |$))/gmu
          )
        ].map(([, place = "", test]) => ({
          // A file that could not be loaded is named alone.
          id: test === undefined ? place : `${place}::${test}`,
          name: test === undefined ? place : (test.split("::").at(-1) ?? test).replace(/\[.*$/su, ""),
          place
        }))
      ),
    only: (failures) => render(lead, [...start, ...flags, ...failures.map(({ id }) => id)]),
    except: (failures) =>
      render(lead, [
        ...start,
        ...flags,
        ...failures.flatMap(({ id, place }) => [id === place ? "--ignore" : "--deselect", id]),
        ...given.operands
      ])
  }
}

export const unittest: Recognise = ({ lead, folder, words: said }) => {
  const at = said.indexOf("unittest")
  if (at < 2 || said[at - 1] !== "-m" || !/python[\d.]*$/u.test(said[0] ?? "")) return undefined
  const isDiscovery = said[at + 1] === "discover" || said.slice(at + 1).every((word) => word.startsWith("-"))
  const rest = options(said.slice(at + (said[at + 1] === "discover" ? 2 : 1)), /^-[sptk]$/u)
  const operands = [...rest.operands]
  if (
    rest.options.some((option) => /^(?:-k|-p|--pattern)/u.test(option)) ||
    (isDiscovery && operands.length > 1)
  ) {
    return undefined
  }
  const start = rest.options[rest.options.indexOf("-s") + 1] ?? operands[0]
  const root =
    rest.options.includes("-s") || (isDiscovery && operands.length === 1)
      ? `${(start ?? "").replace(/^\.\/?|\/$/gu, "")}/`.replace(/^\//u, "")
      : ""
  const flags = rest.options.filter((option) => !/^-[vqfcb]$/u.test(option))
  const moduleOf = (path: string) => (within(folder, path) ?? path).replace(/\.py$/u, "").replaceAll("/", ".")
  /** As the command names it: what it imports may lie below a folder of PYTHONPATH. */
  const operandOf = (path: string) =>
    operands.find((operand) => moduleOf(path) === operand || moduleOf(path).endsWith(`.${operand}`))
  return {
    name: "unittest",
    isShared: false,
    isNothing: (exitCode) => exitCode === 5,
    takes: (path) => isPython(path) && within(folder, path) !== undefined,
    surelyCollects: (path) =>
      isDiscovery
        ? nameOf(path).startsWith("test") && within(`${folder}${root}`, path) === nameOf(path)
        : operands.includes(moduleOf(path)) || operands.includes(within(folder, path) ?? path),
    // A file by its path would be imported from another place than discovery does it.
    narrow: (files) =>
      allOf(
        lead,
        files.map(({ path }) =>
          isDiscovery
            ? [
                ...said.slice(0, at + 1),
                "discover",
                "-v",
                ...flags,
                ...(operands[0] === undefined ? [] : ["-s", operands[0]]),
                "-p",
                nameOf(path)
              ]
            : [...said.slice(0, at + 1), "-v", ...flags, operandOf(path) ?? within(folder, path) ?? path]
        )
      ),
    read: (output) => {
      const text = plain(output)
      if (!/^Ran \d+ tests? in /mu.test(text)) return undefined
      return [
        ...text.matchAll(
          /^(\w+) \([^)\n]*\)(?:\n[^\n]*)? \.\.\. (?:[^\n]*?)(ok|FAIL|ERROR|skipped|expected failure|unexpected success)\b/gmu
        )
      ].map(([, name = "", word = ""]) => ({
        name,
        outcome: word === "skipped" ? "skipped" : /FAIL|ERROR|unexpected/u.test(word) ? "failed" : "passed"
      }))
    },
    failures: (output) =>
      distinct(
        [...plain(output).matchAll(/^(?:FAIL|ERROR): (\w+) \(([\w.]+)\)/gmu)].map(
          ([, name = "", place = ""]) => ({
            id: place.endsWith(`.${name}`) ? place : `${place}.${name}`,
            name,
            place
          })
        )
      ),
    // By its name alone: an id would be imported from another place than discovery does it.
    only: (failures) => render(lead, [...said, ...failures.flatMap(({ name }) => ["-k", name])]),
    except: () => undefined
  }
}
