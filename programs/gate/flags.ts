/** Flags that `foreman gate` and its subcommands share, and what their texts mean. */
import { Duration, Effect, Result } from "effect"
import { Flag } from "effect/cli"

import { parseAllow } from "../../src/gate/approval.ts"
import { parseGoDuration } from "../goDuration.ts"
import { GateConfigError } from "./errors.ts"
import type { Limits } from "./judgeCandidate.ts"

export const repo = Flag.String("repo").pipe(
  Flag.withDefault("."),
  Flag.withDescription("Work tree of the repository; what is committed there is judged")
)

export const limits = {
  timeout: Flag.String("timeout").pipe(
    Flag.withDefault("30m"),
    Flag.withDescription("Wall time of the whole gate, such as 90s, 30m or 1h")
  ),
  memory: Flag.String("memory").pipe(
    Flag.withDefault("8Gi"),
    Flag.withDescription("Memory of the checks together, such as 512Mi or 8Gi")
  )
}

export const allow = Flag.String("allow").pipe(
  Flag.withMetavar("RULE:PATH=REASON"),
  Flag.atLeast(0),
  Flag.withDescription("Allows what a rule asks about in a file (a path or a glob); may be repeated")
)

const units: Readonly<Record<string, number>> = { Ki: 1024, Mi: 1024 ** 2, Gi: 1024 ** 3, Ti: 1024 ** 4 }

/** Of a quantity of Kubernetes: a whole number with or without a binary unit. */
const bytesOf = (text: string): number | undefined => {
  const [, amount, unit = ""] = /^(\d{1,9})(Ki|Mi|Gi|Ti)?$/u.exec(text) ?? []
  return amount === undefined || Number(amount) === 0 ? undefined : Number(amount) * (units[unit] ?? 1)
}

export const limitsOf = Effect.fn("gate.limitsOf")(function* (options: {
  readonly timeout: string
  readonly memory: string
  readonly allow?: ReadonlyArray<string>
}): Effect.fn.Return<Limits, GateConfigError> {
  const deadline = parseGoDuration(options.timeout)
  if (deadline === undefined || Duration.toMillis(deadline) < 1_000) {
    return yield* new GateConfigError({
      message: `--timeout ${options.timeout}: give a span of a second or more, such as 30m`
    })
  }
  const memoryBytes = bytesOf(options.memory)
  if (memoryBytes === undefined) {
    return yield* new GateConfigError({ message: `--memory ${options.memory}: give a size such as 8Gi` })
  }
  const approvals = yield* Effect.fromResult(Result.all((options.allow ?? []).map(parseAllow))).pipe(
    Effect.mapError((message) => new GateConfigError({ message }))
  )
  return { deadline, memoryBytes, approvals }
})
