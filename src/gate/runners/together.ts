/** Several runners behind one command, such as `npm test --workspaces`: each takes the files of its own folder. */
import { distinct, type TestFile, type TestRunner } from "./TestRunner.ts"

export const together = (runners: ReadonlyArray<TestRunner>): TestRunner | undefined => {
  const [first, ...others] = runners
  if (first === undefined || others.length === 0) return first
  const of = (path: string) => runners.find((runner) => runner.takes(path))
  return {
    name: [...new Set(runners.map(({ name }) => name))].join(", "),
    isShared: runners.some(({ isShared }) => isShared),
    takes: (path) => of(path) !== undefined,
    surelyCollects: (path) => of(path)?.surelyCollects(path) ?? false,
    isNothing: (exitCode) => runners.every((runner) => runner.isNothing?.(exitCode) === true),
    narrow: (files) => {
      const commands = [...groups(files, of)].map(([runner, mine]) => runner.narrow(mine))
      const known = commands.filter((command) => command !== undefined)
      // Each enters its own folder.
      return known.length < commands.length || known.length === 0
        ? undefined
        : known.length === 1
          ? known[0]
          : known.map((command) => `(${command})`).join(" && ")
    },
    read: (output) => {
      for (const runner of runners) {
        const outcomes = runner.read(output)
        if (outcomes !== undefined) return outcomes
      }
      return undefined
    },
    failures: (output) => distinct(runners.flatMap((runner) => runner.failures(output))),
    // A failure does not say in which folder it was.
    only: () => undefined,
    except: () => undefined
  }
}

const groups = (
  files: ReadonlyArray<TestFile>,
  of: (path: string) => TestRunner | undefined
): ReadonlyMap<TestRunner, ReadonlyArray<TestFile>> => {
  const grouped = new Map<TestRunner, Array<TestFile>>()
  for (const file of files) {
    const runner = of(file.path)
    if (runner !== undefined) grouped.set(runner, [...(grouped.get(runner) ?? []), file])
  }
  return grouped
}
