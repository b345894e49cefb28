/** Where the demo speaks: a live block on a terminal, plain lines elsewhere, JSON lines on request. */
import { Clock, Effect, Schedule, type Scope } from "effect"

import { advance, begin, type DemoEvent, frame, paint, plainLine, type Story } from "./story.ts"

export interface Screen {
  readonly isColoured: boolean
  readonly say: (sentence: string) => Effect.Effect<void>
  readonly begin: (tasks: ReadonlyArray<string>) => Effect.Effect<void>
  readonly show: (event: DemoEvent) => Effect.Effect<void>
  readonly end: Effect.Effect<void>
  readonly section: (title: string, text: string) => Effect.Effect<void>
  readonly finish: (isAsExpected: boolean, seconds: number) => Effect.Effect<void>
}

const write = (text: string) => Effect.sync(() => void process.stdout.write(text))

/** One JSON object a line: for programs. */
const jsonScreen = (elapsed: Effect.Effect<number>): Screen => {
  const line = (object: object) =>
    Effect.flatMap(elapsed, (seconds) => write(`${JSON.stringify({ seconds, ...object })}\n`))
  return {
    isColoured: false,
    say: (message) => line({ type: "message", message }),
    begin: (tasks) => line({ type: "begin", tasks }),
    show: line,
    end: Effect.void,
    section: (title, text) => line({ type: "section", title, text }),
    finish: (isAsExpected) => line({ type: "end", isAsExpected })
  }
}

/** Draws the block again in place; the cursor rests below it. */
const liveScreen = Effect.fnUntraced(function* (elapsed: Effect.Effect<number>) {
  let story: Story = begin([])
  let height = 0
  let isOpen = false

  const draw = Effect.gen(function* () {
    const rows = frame(story, yield* elapsed, process.stdout.columns)
    const up = height === 0 ? "" : `\u001b[${height}A`
    height = rows.length
    yield* write(`${up}${rows.map((row) => `\u001b[2K${row}\n`).join("")}`)
  })
  yield* Effect.suspend(() => (isOpen ? draw : Effect.void)).pipe(
    Effect.repeat(Schedule.spaced("100 millis")),
    Effect.forkScoped
  )
  return {
    begin: (tasks: ReadonlyArray<string>) =>
      Effect.suspend(() => {
        story = begin(tasks)
        isOpen = true
        return Effect.andThen(write("\n"), draw)
      }),
    show: (event: DemoEvent) => Effect.sync(() => void (story = advance(story, event))),
    end: Effect.suspend(() => {
      isOpen = false
      return draw
    })
  }
})

const plainScreen = (elapsed: Effect.Effect<number>, isColoured: boolean) => ({
  begin: () => Effect.void,
  show: (event: DemoEvent) =>
    Effect.flatMap(elapsed, (seconds) => write(`${plainLine(event, seconds, isColoured)}\n`)),
  end: Effect.void
})

export const makeScreen = Effect.fnUntraced(function* (options: {
  readonly isJson: boolean
  readonly startedAt: number
}): Effect.fn.Return<Screen, never, Scope.Scope> {
  const elapsed = Effect.map(Clock.currentTimeMillis, (now) => (now - options.startedAt) / 1000)
  if (options.isJson) return jsonScreen(elapsed)

  const isTerminal = process.stdout.isTTY === true
  const isColoured = isTerminal && process.env["NO_COLOR"] === undefined
  const events = isTerminal && isColoured ? yield* liveScreen(elapsed) : plainScreen(elapsed, isColoured)
  return {
    ...events,
    isColoured,
    say: (sentence) => write(`${sentence}\n`),
    section: (title, text) =>
      write(`\n${paint(title, "dim", isColoured)}\n\n${text.trimEnd().replace(/^(?=.)/gmu, "  ")}\n`),
    finish: (isAsExpected, seconds) =>
      write(
        `\n${paint(isAsExpected ? "All three verdicts are as expected" : "Not every verdict is as expected", isAsExpected ? "green" : "red", isColoured)}, ${seconds.toFixed(1)} s.\n`
      )
  }
})
