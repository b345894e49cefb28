/**
 * Flags as Go's `flag` package reads them, since units, Jobs and scripts of the first implementation spell them so: `-x` and `--x`,
 * `=value` or the next argument, booleans without a value, the last one wins, and parsing stops at the first argument that is none.
 */
import { Duration, type LogLevel, Result } from "effect"

import { parseGoDuration } from "./goDuration.ts"

export interface Flag<A> {
  /** What `--help` calls the value; a bool needs none. */
  readonly type: "string" | "int" | "bool" | "duration" | "csv"
  readonly fallback: A
  /** The default as `--help` shows it; empty when there is nothing to show. */
  readonly shown: string
  readonly description: string
  /** The environment variable that speaks when the flag is absent. An empty one says nothing. */
  readonly env: string | undefined
  /** Go's words for what is wrong with the text. */
  readonly parse: (text: string) => Result.Result<A, string>
}

export type Table = Readonly<Record<string, Flag<unknown>>>
export type Values<T extends Table> = { readonly [Name in keyof T]: T[Name]["fallback"] }

interface Extra {
  readonly env?: string
}

const parseError: Result.Result<never, string> = Result.fail("parse error")

export const string = (fallback: string, description: string, extra: Extra = {}): Flag<string> => ({
  type: "string",
  fallback,
  shown: fallback === "" ? "" : JSON.stringify(fallback),
  description,
  env: extra.env,
  parse: Result.succeed
})

/** Blanks around an entry and empty entries do not count. */
export const csv = (
  fallback: ReadonlyArray<string>,
  description: string,
  extra: Extra = {}
): Flag<ReadonlyArray<string>> => ({
  type: "csv",
  fallback,
  shown: fallback.join(","),
  description,
  env: extra.env,
  parse: (text) =>
    Result.succeed(
      text
        .split(",")
        .map((entry) => entry.trim())
        .filter((entry) => entry !== "")
    )
})

const trues = new Set(["1", "t", "T", "true", "TRUE", "True"])
const falses = new Set(["0", "f", "F", "false", "FALSE", "False"])

export const bool = (fallback: boolean, description: string, extra: Extra = {}): Flag<boolean> => ({
  type: "bool",
  fallback,
  shown: fallback ? "true" : "",
  description,
  env: extra.env,
  parse: (text) =>
    trues.has(text) ? Result.succeed(true) : falses.has(text) ? Result.succeed(false) : parseError
})

/** Decimal, or with Go's prefixes 0x, 0o and 0b. */
export const int = (fallback: number, description: string, extra: Extra = {}): Flag<number> => ({
  type: "int",
  fallback,
  shown: fallback === 0 ? "" : String(fallback),
  description,
  env: extra.env,
  parse: (text) => {
    const match = /^([+-]?)(0x[\da-f]+|0o[0-7]+|0b[01]+|\d+)$/iu.exec(text)
    if (match === null) return parseError
    const value = Number(match[2]) * (match[1] === "-" ? -1 : 1)
    return Number.isSafeInteger(value) ? Result.succeed(value) : Result.fail("value out of range")
  }
})

export const duration = (
  fallback: string,
  description: string,
  extra: Extra = {}
): Flag<Duration.Duration> => ({
  type: "duration",
  fallback: parseGoDuration(fallback) ?? Duration.zero,
  shown: fallback,
  description,
  env: extra.env,
  parse: (text) => {
    const span = parseGoDuration(text)
    return span === undefined ? parseError : Result.succeed(span)
  }
})

/** Controller-runtime's logging flags. Level and encoder are honoured; the rest is accepted, so that no manifest breaks. */
export const zapFlags = {
  "zap-log-level": string(
    "info",
    "Least level that is logged: debug, info, error, panic, or a number above 0 for debug"
  ),
  "zap-encoder": string(
    "",
    "Form of a log line: json or console (default: console on a terminal, else json)"
  ),
  "zap-devel": bool(false, "Accepted for compatibility; has no effect"),
  "zap-stacktrace-level": string("", "Accepted for compatibility; has no effect"),
  "zap-time-encoding": string("", "Accepted for compatibility; times are ISO 8601")
} as const satisfies Table

export const logLevelOf = (zapLogLevel: string): LogLevel.LogLevel => {
  const levels: Readonly<Record<string, LogLevel.LogLevel>> = {
    debug: "Debug",
    info: "Info",
    warn: "Warn",
    error: "Error",
    panic: "Fatal"
  }
  return levels[zapLogLevel.toLowerCase()] ?? (Number(zapLogLevel) > 0 ? "Debug" : "Info")
}

/** What the zap flags say, as `Observability.layer` takes it. */
export const loggingOf = (values: Values<typeof zapFlags>) => {
  const format = values["zap-encoder"]
  return {
    level: logLevelOf(values["zap-log-level"]),
    format: format === "json" || format === "console" ? format : undefined
  } as const
}

/** Why no values came out: print `text` on that stream and exit with that code. */
export interface Stop {
  readonly stream: "stdout" | "stderr"
  readonly text: string
  readonly exitCode: 0 | 2
}

export interface Parsed<T extends Table> {
  readonly values: Values<T>
  /** What follows the flags. */
  readonly args: ReadonlyArray<string>
}

export interface ParseOptions<T extends Table> {
  /** The program, as its usage names it. */
  readonly name: string
  readonly table: T
  /** Without the program and its subcommand. */
  readonly argv: ReadonlyArray<string>
  readonly env: Readonly<Record<string, string | undefined>>
}

export const parse = <const T extends Table>(options: ParseOptions<T>): Result.Result<Parsed<T>, Stop> => {
  const { name, table, env } = options
  const misuse = (sentence: string): Result.Result<never, Stop> =>
    Result.fail({ stream: "stderr", text: `${sentence}\n${usage(name, table)}`, exitCode: 2 })

  const given = scan(table, options.argv)
  if (Result.isFailure(given)) {
    return given.failure === "help"
      ? Result.fail({ stream: "stdout", text: usage(name, table), exitCode: 0 })
      : misuse(given.failure.misuse)
  }
  const values: Record<string, unknown> = {}
  for (const [flag, { env: variable, fallback, parse, type }] of Object.entries(table)) {
    const text = given.success.texts.get(flag)
    const ambient = variable === undefined ? undefined : env[variable] || undefined
    const parsed = text ?? ambient
    const value = parsed === undefined ? Result.succeed(fallback) : parse(parsed)
    if (Result.isFailure(value)) {
      const where = text === undefined ? `environment variable ${variable}` : `flag -${flag}`
      const what = type === "bool" ? "boolean value" : "value"
      return misuse(`invalid ${what} ${JSON.stringify(parsed)} for ${where}: ${value.failure}`)
    }
    values[flag] = value.success
  }
  // Each value came from its own flag's parser, which the mapped type cannot follow through a loop.
  return Result.succeed({ values: values as Values<T>, args: given.success.args })
}

type Refusal = "help" | { readonly misuse: string }

/** The text of each flag that was given. Values are read later, so that a bad one that a later one replaces does no harm. */
const scan = (
  table: Table,
  argv: ReadonlyArray<string>
): Result.Result<
  { readonly texts: ReadonlyMap<string, string>; readonly args: ReadonlyArray<string> },
  Refusal
> => {
  const texts = new Map<string, string>()
  let at = 0
  for (; at < argv.length; at += 1) {
    const argument = argv[at] ?? ""
    if (!argument.startsWith("-") || argument === "-") break
    if (argument === "--") {
      at += 1
      break
    }
    const [, flag = "", inline] = /^--?([^=]*)(?:=(.*))?$/su.exec(argument) ?? []
    if (flag === "" || flag.startsWith("-")) return Result.fail({ misuse: `bad flag syntax: ${argument}` })
    const known = Object.hasOwn(table, flag) ? table[flag] : undefined
    if (known === undefined) {
      return Result.fail(
        flag === "help" || flag === "h" ? "help" : { misuse: `flag provided but not defined: -${flag}` }
      )
    }
    const next = argv[at + 1]
    if (inline !== undefined) texts.set(flag, inline)
    else if (known.type === "bool") texts.set(flag, "true")
    else if (next === undefined) return Result.fail({ misuse: `flag needs an argument: -${flag}` })
    else {
      texts.set(flag, next)
      at += 1
    }
  }
  return Result.succeed({ texts, args: argv.slice(at) })
}

/** The table that `--help` prints. */
export const usage = (name: string, table: Table): string => {
  const rows = Object.entries(table).map(([flag, { description, env, shown, type }]) => {
    const left = `  --${flag}${type === "bool" ? "" : ` ${type}`}`
    const notes = [shown === "" ? "" : `default ${shown}`, env === undefined ? "" : `env ${env}`].filter(
      Boolean
    )
    return [left, `${description}${notes.length === 0 ? "" : ` (${notes.join(", ")})`}`] as const
  })
  const width = Math.max(0, ...rows.map(([left]) => left.length))
  return [`Usage of ${name}:`, ...rows.map(([left, right]) => `${left.padEnd(width)}  ${right}`)].join("\n")
}
