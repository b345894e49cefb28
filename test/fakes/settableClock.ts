/** The test's clock, with a wall clock that somebody sets: sleeps and the clock that nobody sets go on as they were. */
import { Clock, Effect } from "effect"

export const settableClock = Effect.map(Clock.Clock, (real) => {
  let step = 0
  const currentTimeMillisUnsafe = () => real.currentTimeMillisUnsafe() + step
  const clock: Clock.Clock = Object.assign(Object.create(real), {
    currentTimeMillisUnsafe,
    currentTimeMillis: Effect.sync(currentTimeMillisUnsafe)
  })
  return { clock, set: (millis: number) => void (step = millis) }
})
