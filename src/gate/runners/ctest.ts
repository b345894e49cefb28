/**
 * CTest. Which of its tests a source file belongs to only CMake knows, so a file is not run by itself: the whole command runs, with that
 * file alone as the commit has it.
 */
import { options, render } from "./invocation.ts"
import { distinct, literally, plain, type Recognise, type TestOutcome, within } from "./TestRunner.ts"

const valued =
  /^(?:-[jCSLERMTDOAIQ]|--(?:test-dir|parallel|timeout|build-config|repeat|output-log|output-junit|preset))$/u
/** With these a check runs some of its tests. */
const choosing =
  /^(?:-[LERIUN]|-LE|-RE|--(?:tests-regex|exclude-regex|label-regex|label-exclude|rerun-failed|show-only|tests-information|union|preset)(?:=|$))/u

const words: Readonly<Record<string, TestOutcome["outcome"]>> = {
  Passed: "passed",
  Skipped: "skipped",
  "Not Run": "skipped",
  Disabled: "skipped"
}

export const ctest: Recognise = ({ folder, lead, words: said }) => {
  if (!/^(?:.*\/)?ctest$/u.test(said[0] ?? "")) return undefined
  const given = options(said.slice(1), valued)
  if (given.options.some((option) => choosing.test(option))) return undefined
  const named = (names: ReadonlyArray<string>) => `^(${[...new Set(names)].map(literally).join("|")})$`
  return {
    name: "ctest",
    isShared: true,
    takes: (path) => /\.(?:c|cc|cpp|cxx|c\+\+)$/u.test(path) && within(folder, path) !== undefined,
    surelyCollects: () => false,
    narrow: () => undefined,
    read: (output) => {
      const text = plain(output)
      if (!/^Test project |tests? (?:passed|failed)|^No tests were found/mu.test(text)) return undefined
      return [
        ...text.matchAll(
          /^\s*\d+\/\d+ Test +#\d+: (\S+) \.*\s*\*{0,3}\s*(Passed|Failed|Skipped|Not Run|Disabled|Timeout|Exception|\w+)/gmu
        )
      ].map(([, name = "", word = ""]) => ({ name, outcome: words[word] ?? "failed" }))
    },
    failures: (output) =>
      distinct(
        [
          ...plain(output).matchAll(
            /^\s*\d+ - (\S+) \((?:Failed|Timeout|SEGFAULT|ILLEGAL|INTERRUPT|NUMERICAL|OTHER_FAULT|BAD_COMMAND|Subprocess[^)]*|Child aborted|Exit code[^)]*)\)/gmu
          )
        ].map(([, name = ""]) => ({ id: name, name }))
      ),
    only: (failures) => render(lead, [...said, "-R", named(failures.map(({ id }) => id))]),
    except: (failures) => render(lead, [...said, "-E", named(failures.map(({ id }) => id))])
  }
}
