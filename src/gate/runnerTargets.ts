/** The files that a runner of tests is given, and those that it finds by itself. */
import type { Run } from "./commands.ts"

const isOption = (word: string): boolean => word.startsWith("-")

/** Options of runners whose value is no file to run. */
const takesValue = /^(?:-[gfRrkmtc]|--(?:f?grep|reporter|require|import|loader|config|outfile))$/u

/** The files and folders that a runner of tests is given, without quotes and without the language's ending. */
export const targetsIn = ({ words }: Run): ReadonlyArray<string> =>
  words
    .filter(
      (word, index) => !isOption(word) && !takesValue.test(words[index - 1] ?? "") && /[/*.]/u.test(word)
    )
    .map((word) =>
      word
        .replaceAll(/^["']|["']$/gu, "")
        .replace(/^\.\/(?=.)/u, "")
        .replace(/\.(?:[cm]?[jt]sx?|\{[cmjtsx,]+\})$/u, "")
        .replace(/(?<=.)\/$/u, "")
    )

/** By runner, what it finds when it is told no files. */
const finds: ReadonlyArray<readonly [program: RegExp, files: RegExp]> = [
  [/^(?:tap|ava|node --test)$/u, /(?:^|\/)(?:tests?|__tests__)(?:\/|$)|[._-](?:test|spec)$/u],
  [/^(?:jest|vitest)$/u, /(?:^|\/)__tests__(?:\/|$)|\.(?:test|spec)$/u],
  [/^(?:pytest|py\.test)$/u, /(?:^|\/)tests?(?:\/|$)|(?:^|\/)test_[^/]*$/u],
  [/^mocha$/u, /^test(?:\/\*?)?$/u]
]
const findsItself = (program: string, target: string): boolean =>
  finds.some(([runner, files]) => runner.test(program) && files.test(target))

/** Mocha looks into a folder, and not into the folders of it. */
const isBelow = (program: string, target: string, folder: string): boolean =>
  !/^_?mocha$/u.test(program) && target.startsWith(`${folder}/`)

/** `dist/esm/test/*` and `dist/test/*`: where a build puts the same tests. */
const isMovedOutput = (one: string, other: string): boolean => {
  const [was, is] = [one, other].map(
    (target) => /^(?:dist|build|out|lib)\/(?:.*\/)?(tests?\/.*)$/u.exec(target)?.[1]
  )
  return was !== undefined && was === is
}

/** Whether `program`, given these targets, no longer runs what it was told to run. */
export const isMissed = (program: string, given: ReadonlyArray<string>, target: string): boolean =>
  given.length === 0
    ? !findsItself(program, target)
    : !given.some(
        (other) => other === target || isBelow(program, target, other) || isMovedOutput(target, other)
      )

/** A test that was run by itself, and that a runner takes now: `node test.js` and `ava`. */
export const runsFile = (run: Run, file: string): boolean => {
  const target = file.replace(/\.[cm]?[jt]sx?$/u, "")
  const given = targetsIn(run)
  return (
    target !== file &&
    (given.length === 0
      ? findsItself(run.program, target)
      : given.some((one) => one === target || target.startsWith(`${one.replace(/\/\*+$/u, "")}/`)))
  )
}
