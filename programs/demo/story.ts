/** What the demo shows: events in, rows out. Pure, so that what a terminal shows is what a test reads. */

export type DemoEvent =
  | {
      readonly type: "phase"
      readonly task: string
      readonly phase: string
      readonly node: string | undefined
    }
  | {
      readonly type: "turn"
      readonly task: string
      readonly turn: number
      readonly tools: ReadonlyArray<string>
    }
  | { readonly type: "check"; readonly task: string; readonly line: string }
  | {
      readonly type: "verdict"
      readonly task: string
      readonly verdict: string
      readonly summary: string
      readonly isExpected: boolean
    }

interface Row {
  readonly phase: string
  readonly detail: string
  readonly verdict: string | undefined
  readonly isExpected: boolean
}

export interface Story {
  readonly rows: ReadonlyMap<string, Row>
}

/** The tasks in the order in which the pipeline runs them. */
export const begin = (tasks: ReadonlyArray<string>): Story => ({
  rows: new Map(tasks.map((task) => [task, { phase: "", detail: "", verdict: undefined, isExpected: true }]))
})

/** One event as one sentence. */
export const sentence = (event: DemoEvent): string => {
  switch (event.type) {
    case "phase":
      return event.node === undefined ? event.phase : `${event.phase} on ${event.node}`
    case "turn":
      return `turn ${event.turn}: ${event.tools.length === 0 ? "no tool" : event.tools.join(", ")}`
    case "check":
      return event.line
    case "verdict":
      return `${event.verdict}: ${event.summary}`
  }
}

export const advance = (story: Story, event: DemoEvent): Story => {
  const row = story.rows.get(event.task)
  if (row === undefined) return story
  const next: Row =
    event.type === "phase"
      ? { ...row, phase: event.phase, detail: sentence(event) }
      : event.type === "verdict"
        ? { ...row, verdict: event.verdict, detail: event.summary, isExpected: event.isExpected }
        : { ...row, detail: sentence(event) }
  return { rows: new Map(story.rows).set(event.task, next) }
}

const colour = { green: 32, red: 31, yellow: 33, dim: 2 } as const

/** Wraps text in an ANSI colour, or leaves it alone. */
export const paint = (text: string, name: keyof typeof colour, isColoured: boolean): string =>
  isColoured ? `\u001b[${colour[name]}m${text}\u001b[0m` : text

/** `  3.2s  code   turn 2: read_file`: what a log or a pipe gets for an event. */
export const plainLine = (event: DemoEvent, elapsedSeconds: number, isColoured: boolean): string => {
  const text =
    event.type === "verdict"
      ? paint(sentence(event), event.isExpected ? "green" : "red", isColoured)
      : sentence(event)
  return `${`${elapsedSeconds.toFixed(1)}s`.padStart(7)}  ${event.task.padEnd(8)}${text}`
}

/** The live block of a terminal: one row a task, never wider than `columns`. */
export const frame = (story: Story, elapsedSeconds: number, columns: number): ReadonlyArray<string> =>
  [...story.rows].map(([task, row]) => {
    const isOver = row.verdict !== undefined
    const mark = isOver
      ? paint("●", row.isExpected ? "green" : "red", true)
      : row.phase === "Running"
        ? paint("●", "yellow", true)
        : "○"
    const outcome = (row.verdict ?? row.phase).padEnd(12)
    const time = isOver || row.phase !== "Running" ? "" : `  ${elapsedSeconds.toFixed(1)}s`
    const room = Math.max(0, columns - 26 - time.length)
    return `  ${mark} ${task.padEnd(8)}${outcome}${row.detail.slice(0, room)}${paint(time, "dim", true)}`
  })
