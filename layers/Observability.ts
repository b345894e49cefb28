/** What a program tells the outside: log lines on stderr, and telemetry if its user named a collector. */
import { Cause, Effect, Layer, Logger, type LogLevel, References } from "effect"

export interface Options {
  /** The program, which is the `logger` of lines that name none. */
  readonly name: string
  /** Default Info. */
  readonly level?: LogLevel.LogLevel | undefined
  /** Default: for people on a terminal, else JSON. */
  readonly format?: "json" | "console" | undefined
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
  /** Takes whole lines. Default: stderr, which leaves stdout to results. */
  readonly write?: ((line: string) => void) | undefined
}

export const layer = (options: Options): Layer.Layer<never> => {
  const env = options.env ?? process.env
  const write = options.write ?? ((line) => void process.stderr.write(line))
  const format = options.format ?? (process.stderr.isTTY ? "console" : "json")
  const render = format === "json" ? toJson : toText
  const logger = Logger.make((entry: Logger.Options<unknown>) =>
    write(`${render(recordOf(options.name, entry))}\n`)
  )
  const base = Layer.merge(
    Logger.layer([logger]),
    Layer.succeed(References.MinimumLogLevel, options.level ?? "Info")
  )
  if (!env["OTEL_EXPORTER_OTLP_ENDPOINT"]) return base
  // Over the base, since the exporter adds itself to the loggers that are there.
  return Layer.unwrap(
    Effect.map(
      Effect.promise(() => import("./otlp.ts")),
      (otlp) => otlp.layer(options.name)
    )
  ).pipe(Layer.provideMerge(base))
}

/** The keys of zap, the first implementation's logger: people's queries for `level`, `logger`, `msg` and `error` keep working. */
interface LogRecord {
  readonly level: string
  readonly ts: string
  readonly logger: string
  readonly msg: string
  readonly [field: string]: unknown
}

/** Characters of one text in a line. A model's output must not fill the disk. */
const longestText = 16_384

const recordOf = (name: string, entry: Logger.Options<unknown>): LogRecord => {
  const parts = Array.isArray(entry.message) ? entry.message : [entry.message]
  const errors = parts.filter((part) => part instanceof Error)
  const { logger, ...annotations } = entry.fiber.getRef(References.CurrentLogAnnotations)
  const spans = entry.fiber
    .getRef(References.CurrentLogSpans)
    .map(([label, start]) => [`${label}Ms`, entry.date.getTime() - start] as const)
  return {
    level: entry.logLevel.toLowerCase(),
    ts: entry.date.toISOString(),
    logger: typeof logger === "string" ? logger : name,
    msg: parts
      .filter((part) => !(part instanceof Error))
      .map((part) => (typeof part === "string" ? part : json(part)))
      .join(" "),
    ...Object.fromEntries(
      Object.entries(annotations).map(([key, value]) => [reserved.has(key) ? `${key}_` : key, value])
    ),
    ...Object.fromEntries(spans),
    ...(errors.length === 0 ? {} : { error: errors.map((error) => error.message).join("; ") }),
    ...causeFields(entry.cause)
  }
}

/** A field of ours must not pass for the record's own. */
const reserved = new Set(["level", "ts", "logger", "msg"])

/** An expected error is its sentence; only a bug deserves its stack. */
const causeFields = (
  cause: Cause.Cause<unknown>
): { readonly error?: string; readonly stacktrace?: string } => {
  if (cause.reasons.length === 0) return {}
  const error = Cause.prettyErrors(cause)
    .map((one) => one.message)
    .join("; ")
  return Cause.hasDies(cause) ? { error, stacktrace: Cause.pretty(cause) } : { error }
}

const toJson = (record: LogRecord): string => json(record)

/** `10:27:01 INFO  agent: task claimed  task=default/t1` */
const toText = ({ level, ts, logger, msg, stacktrace, ...fields }: LogRecord): string => {
  const shown = Object.entries(fields).map(
    ([key, value]) => `${key}=${typeof value === "string" ? value : json(value)}`
  )
  const line = `${ts.slice(11, 19)} ${level.toUpperCase().padEnd(5)} ${logger}: ${[msg, ...shown].join("  ")}`
  return typeof stacktrace === "string" ? `${line}\n${stacktrace}` : line
}

/** One line whatever comes: secrets print as `<redacted>` by themselves; an object that contains itself is cut where it does. */
const json = (value: unknown): string => {
  const ancestors: Array<unknown> = []
  return JSON.stringify(value, function (this: unknown, _, part: unknown) {
    if (typeof part === "bigint") return String(part)
    if (part instanceof Error) return part.message
    if (typeof part === "string") return part.length > longestText ? `${part.slice(0, longestText)}…` : part
    if (typeof part !== "object" || part === null) return part
    while (ancestors.length > 0 && ancestors.at(-1) !== this) ancestors.pop()
    if (ancestors.includes(part)) return "<circular>"
    ancestors.push(part)
    return part
  })
}
