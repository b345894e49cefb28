/** What the doctor says of one thing. */
import { Cause, Duration, Effect } from "effect"

export interface Line {
  readonly check: string
  /** `skipped`: it could not be probe at, and why is said. */
  readonly status: "ok" | "warn" | "fail" | "skipped"
  readonly detail: string
  /** What to do about it. */
  readonly fix?: string
}

export const ok = (check: string, detail: string): Line => ({ check, status: "ok", detail })
export const warn = (check: string, detail: string, fix: string): Line => ({
  check,
  status: "warn",
  detail,
  fix
})
export const fail = (check: string, detail: string, fix: string): Line => ({
  check,
  status: "fail",
  detail,
  fix
})
export const skipped = (check: string, detail: string): Line => ({ check, status: "skipped", detail })

/** Runs checks, bounded in time. A timeout or a defect becomes a line, so that the other checks still run. */
export const probe = <R>(
  check: string,
  lines: Effect.Effect<ReadonlyArray<Line>, never, R>,
  patience: Duration.Input = "20 seconds"
): Effect.Effect<ReadonlyArray<Line>, never, R> =>
  lines.pipe(
    Effect.timeoutOrElse({
      duration: patience,
      orElse: () =>
        Effect.succeed([
          fail(
            check,
            `no answer within ${Duration.format(Duration.fromInputUnsafe(patience))}`,
            "check that it is up, and that no firewall drops packets on the way"
          )
        ])
    }),
    Effect.catchCause((cause) =>
      Effect.succeed([
        fail(
          check,
          `the check itself failed: ${Cause.pretty(cause).split("\n")[0]}`,
          "report this as a fault of foreman"
        )
      ])
    )
  )
