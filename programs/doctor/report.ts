/** The doctor's lines, for people and for programs. */
import type { Line } from "./Line.ts"

const signs: Readonly<Record<Line["status"], readonly [sign: string, colour: string]>> = {
  ok: ["ok  ", "32"],
  warn: ["warn", "33"],
  fail: ["FAIL", "31"],
  skipped: ["-   ", "2"]
}

const indent = 20

/** A line each, and below what is not right what to do about it. */
export const table = (lines: ReadonlyArray<Line>, isColoured: boolean): string => {
  const painted = (text: string, colour: string) => (isColoured ? `\u001b[${colour}m${text}\u001b[0m` : text)
  const shown = lines.flatMap(({ check, detail, fix, status }) => {
    const [sign, colour] = signs[status]
    const first = `${painted(sign, colour)}  ${check.padEnd(indent - 6)}${detail}`
    return fix === undefined ? [first] : [first, `${" ".repeat(indent)}→ ${fix}`]
  })
  const count = (status: Line["status"]) => lines.filter((line) => line.status === status).length
  return [
    ...shown,
    "",
    `${count("ok")} right, ${count("warn")} to look at, ${count("fail")} wrong, ${count("skipped")} not looked at`
  ].join("\n")
}
