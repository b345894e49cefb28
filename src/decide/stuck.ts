/** Notices a run that goes in circles: told so once, ended the second time. Pure; contract §4.2. */
import type { ToolCall } from "../../schema/Chat.ts"

export type StuckSignal = "RepeatedToolCall" | "EditFreeStreak" | "ContextSoftCap" | "ContextHardCap"

/** A threshold of 0 is off. */
export interface StuckLimits {
  readonly repeatedToolThreshold: number
  readonly editFreeTurnsLimit: number
  readonly contextSoftCap: number
  readonly contextHardCap: number
}
export const defaultLimits: StuckLimits = {
  repeatedToolThreshold: 5,
  editFreeTurnsLimit: 15,
  contextSoftCap: 90_000,
  contextHardCap: 140_000
}

/** Turns after a nudge in which the same signal is not raised again, so that the nudge can work. */
const graceTurns = 3
/** Turns by which reading files that were not read before extends the edit-free limit. */
const maxReadingCredit = 8

/** Tools that change files and nothing else: the same call over the same files comes to the same. */
export const editTools: ReadonlySet<string> = new Set(["delete", "move", "str_replace", "write_file"])
/** Tools that are withheld for a while after an edit-free nudge. */
export const searchTools: ReadonlySet<string> = new Set(["bash", "grep", "list_files"])

/** Limits of a run. Absent fields take their defaults; a reviewer edits nothing, so its streak says nothing. */
export const limitsOf = (spec: Partial<StuckLimits> | undefined, isEditing: boolean): StuckLimits => {
  const limits = { ...defaultLimits, ...spec }
  const isContextSound = limits.contextSoftCap < limits.contextHardCap || limits.contextHardCap === 0
  return {
    repeatedToolThreshold: limits.repeatedToolThreshold,
    editFreeTurnsLimit: isEditing ? limits.editFreeTurnsLimit : 0,
    contextSoftCap: isContextSound ? limits.contextSoftCap : 0,
    contextHardCap: isContextSound ? limits.contextHardCap : 0
  }
}

export interface StuckState {
  readonly lastCall: string
  readonly repeats: number
  readonly editFreeTurns: number
  readonly readingCredit: number
  readonly filesRead: ReadonlySet<string>
  /** Signals that were raised once, and the turn of it. */
  readonly raised: { readonly [Signal in StuckSignal]?: number }
  /** Last turn of the phase without search tools. */
  readonly restrictedUntil: number
}
export const initial: StuckState = {
  lastCall: "",
  repeats: 0,
  editFreeTurns: 0,
  readingCredit: 0,
  filesRead: new Set(),
  raised: {},
  restrictedUntil: 0
}

/** One call as it went. */
export interface CallRecord {
  readonly call: ToolCall
  readonly succeeded: boolean
}

/** The state after a turn's calls. */
export const observe = (state: StuckState, calls: ReadonlyArray<CallRecord>): StuckState => {
  let { lastCall, readingCredit, repeats } = state
  let filesRead = state.filesRead
  for (const { call, succeeded } of calls) {
    const key = `${call.function.name} ${call.function.arguments}`
    repeats = key === lastCall ? repeats + 1 : 1
    lastCall = key
    if (call.function.name === "read_file" && succeeded && !filesRead.has(call.function.arguments)) {
      filesRead = new Set([...filesRead, call.function.arguments])
      readingCredit = Math.min(maxReadingCredit, readingCredit + 1)
    }
  }
  const hasEdited = calls.some(({ call, succeeded }) => succeeded && editTools.has(call.function.name))
  return {
    ...state,
    lastCall,
    repeats,
    filesRead,
    editFreeTurns: hasEdited ? 0 : state.editFreeTurns + 1,
    readingCredit: hasEdited ? 0 : readingCredit
  }
}

/** The state after it was found that files did change, by whatever tool. */
export const edited = (state: StuckState): StuckState => ({ ...state, editFreeTurns: 0, readingCredit: 0 })

/** Whether the turns without an edit are about to count, so that it is worth to look at the files themselves. */
export const doubtsEdits = (state: StuckState, { editFreeTurnsLimit }: StuckLimits): boolean =>
  editFreeTurnsLimit > 0 && state.editFreeTurns >= editFreeTurnsLimit + state.readingCredit

export type StuckDecision =
  | { readonly _tag: "GoOn" }
  | {
      readonly _tag: "Nudge"
      readonly signal: StuckSignal
      readonly text: string
      readonly state: StuckState
    }
  | { readonly _tag: "End"; readonly signal: StuckSignal; readonly detail: string }

const signals = (state: StuckState, limits: StuckLimits, tokens: number) => {
  const found: Array<{ readonly signal: StuckSignal; readonly detail: string; readonly advice: string }> = []
  const { contextHardCap, contextSoftCap, repeatedToolThreshold } = limits
  if (contextHardCap > 0 && tokens >= contextHardCap) {
    found.push({ signal: "ContextHardCap", detail: `about ${tokens} tokens of context`, advice: "" })
  }
  if (repeatedToolThreshold > 0 && state.repeats >= repeatedToolThreshold) {
    found.push({
      signal: "RepeatedToolCall",
      detail: `the same call ${state.repeats} times in a row: ${state.lastCall.slice(0, 200)}`,
      advice: "Its result will not change. Try something else, or call submit_result."
    })
  }
  if (doubtsEdits(state, limits)) {
    found.push({
      signal: "EditFreeStreak",
      detail: `${state.editFreeTurns} turns without an edit`,
      advice: "You know enough: make the edit now, or call submit_result and say what is missing."
    })
  }
  if (contextSoftCap > 0 && tokens >= contextSoftCap) {
    found.push({
      signal: "ContextSoftCap",
      detail: `about ${tokens} tokens of context`,
      advice: "Little room is left: finish what you have and call submit_result."
    })
  }
  return found
}

/** `turn` is the one that just ended; `tokens` what the next request would hold, about 4 characters a token. */
export const judge = (
  state: StuckState,
  limits: StuckLimits,
  turn: number,
  tokens: number
): StuckDecision => {
  const hit = signals(state, limits, tokens).find(({ signal }) => {
    const raisedAt = state.raised[signal]
    return raisedAt === undefined || turn > raisedAt + graceTurns
  })
  if (hit === undefined) return { _tag: "GoOn" }
  const { advice, detail, signal } = hit
  if (signal === "ContextHardCap" || state.raised[signal] !== undefined)
    return { _tag: "End", signal, detail }
  return {
    _tag: "Nudge",
    signal,
    text: `You seem to be stuck: ${detail}. ${advice}`,
    state: {
      ...state,
      raised: { ...state.raised, [signal]: turn },
      restrictedUntil: signal === "EditFreeStreak" ? turn + graceTurns : state.restrictedUntil
    }
  }
}
