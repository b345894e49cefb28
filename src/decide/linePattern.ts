/**
 * Does a line match a pattern of Go's syntax? All paths are walked at once, so the time is bounded by the line's length times the
 * pattern's, whatever the pattern: a model's regexp cannot hang the daemon, as JavaScript's own engine could. Pure.
 */
import { Result } from "effect"

import { parsePattern, type PatternNode } from "./parsePattern.ts"

/** Steps of a compiled pattern. */
const maxSteps = 5000

type Step =
  | { readonly op: "test"; readonly test: (code: number) => boolean; readonly next: number }
  | {
      readonly op: "assert"
      readonly kind: "start" | "end" | "boundary" | "inside"
      readonly next: number
    }
  | { readonly op: "split"; readonly targets: ReadonlyArray<number> }
  | { readonly op: "match" }

const makeTest = (source: string, ignoreCase: boolean): ((code: number) => boolean) => {
  const single = new RegExp(`^(?:${source})$`, ignoreCase ? "iu" : "u")
  const ascii = Uint8Array.from({ length: 128 }, (_, code) =>
    single.test(String.fromCharCode(code)) ? 1 : 0
  )
  return (code) => (code < 128 ? ascii[code] === 1 : single.test(String.fromCodePoint(code)))
}

/** Compiles backwards: each piece is told where to go on. Returns the first step. */
const compile = (root: PatternNode): { readonly steps: ReadonlyArray<Step>; readonly start: number } => {
  const steps: Array<Step> = [{ op: "match" }]
  const add = (step: Step): number => {
    if (steps.length >= maxSteps) throw new RangeError("the pattern is too large")
    return steps.push(step) - 1
  }
  const emit = (node: PatternNode, next: number): number => {
    switch (node.type) {
      case "test":
        return add({ op: "test", test: makeTest(node.source, node.ignoreCase), next })
      case "assert":
        return add({ op: "assert", kind: node.kind, next })
      case "all":
        return node.parts.reduceRight((target, part) => emit(part, target), next)
      case "any":
        return add({ op: "split", targets: node.options.map((option) => emit(option, next)) })
      case "repeat":
        return repeat(node, next)
    }
  }
  const repeat = ({ max, min, node }: Extract<PatternNode, { type: "repeat" }>, next: number): number => {
    let target = next
    if (max === Infinity) {
      const targets = [next]
      target = add({ op: "split", targets })
      targets.push(emit(node, target))
    } else {
      for (let count = min; count < max; count++) {
        target = add({ op: "split", targets: [emit(node, target), next] })
      }
    }
    for (let count = 0; count < min; count++) target = emit(node, target)
    return target
  }
  const start = emit(root, 0)
  return { steps, start }
}

const isWord = (code: number | undefined): boolean =>
  code !== undefined &&
  ((code >= 48 && code <= 57) || (code >= 65 && code <= 90) || code === 95 || (code >= 97 && code <= 122))

const holds = (kind: "start" | "end" | "boundary" | "inside", line: string, at: number): boolean => {
  if (kind === "start") return at === 0
  if (kind === "end") return at === line.length
  const isBoundary =
    isWord(at === 0 ? undefined : line.charCodeAt(at - 1)) !==
    isWord(at === line.length ? undefined : line.charCodeAt(at))
  return isBoundary === (kind === "boundary")
}

/** The steps that can be reached without reading; true when the match is one of them. */
const makeMatcher = (steps: ReadonlyArray<Step>, start: number) => {
  const seen = new Uint32Array(steps.length)
  let mark = 0

  const reach = (from: number, line: string, at: number, tests: Array<number>): boolean => {
    const open = [from]
    for (let index = open.pop(); index !== undefined; index = open.pop()) {
      if (seen[index] === mark) continue
      seen[index] = mark
      const step = steps[index]
      if (step === undefined) continue
      if (step.op === "match") return true
      if (step.op === "test") tests.push(index)
      else if (step.op === "split") open.push(...step.targets)
      else if (holds(step.kind, line, at)) open.push(step.next)
    }
    return false
  }

  return (line: string): boolean => {
    let current: Array<number> = []
    mark++
    for (let at = 0; ;) {
      if (reach(start, line, at, current)) return true
      const code = line.codePointAt(at)
      if (code === undefined) return false
      at += code > 0xffff ? 2 : 1
      const next: Array<number> = []
      mark++
      for (const index of current) {
        const step = steps[index]
        if (step?.op === "test" && step.test(code) && reach(step.next, line, at, next)) return true
      }
      current = next
    }
  }
}

/** A test of lines, or what is wrong with the pattern. */
export const linePattern = (pattern: string): Result.Result<(line: string) => boolean, string> => {
  if (!/[\\^$.*+?()[\]{}|]/u.test(pattern)) return Result.succeed((line) => line.includes(pattern))
  return Result.flatMap(parsePattern(pattern), (root) =>
    Result.try({
      try: () => {
        const { start, steps } = compile(root)
        return makeMatcher(steps, start)
      },
      catch: (cause) => (cause instanceof Error ? cause.message : String(cause))
    })
  )
}
