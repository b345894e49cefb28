/** What the doctor says of one thing. */
import { Cause, Duration, Effect } from "effect"

export interface Line {
  readonly check: string
  /** `skipped`: it could not be looked at, and why is said. */
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

/** One look that neither hangs nor hides the next: what breaks it becomes a line. */
export const looked = <R>(
  check: string,
  look: Effect.Effect<Line, never, R>,
  patience: Duration.Input = "20 seconds"
): Effect.Effect<Line, never, R> =>
  look.pipe(
    Effect.timeoutOrElse({
      duration: patience,
      orElse: () =>
        Effect.succeed(
          fail(
            check,
            `no answer within ${Duration.format(Duration.fromInputUnsafe(patience))}`,
            "see whether it is up, and whether something between here and there swallows packets"
          )
        )
    }),
    Effect.catchCause((cause) =>
      Effect.succeed(
        fail(
          check,
          `the look itself broke: ${Cause.pretty(cause).split("\n")[0]}`,
          "report this as a fault of foreman"
        )
      )
    )
  )
