/**
 * How much of the model's context is used and left, in tokens as its server counts them. Our own count is four characters a token, which can
 * be wrong by a factor of three; each reply that says how long its prompt was corrects it. Pure.
 */
import type { ChatReply } from "../../schema/Chat.ts"

/** Tokens of the context where neither the Agent nor the server says anything. */
export const defaultWindowTokens = 32_768
/** Least tokens of a reply that are of any use. */
export const leastReply = 256
/** Tokens that one result may always have, whatever is left. */
export const leastResult = 256
/** One result takes at most this part of what is left: a run whose window fills up reads in smaller pieces, and is compacted less often. */
const resultShare = 16
/** All results of a turn may take this share of what is left, or of the window where that is more: a compaction follows. */
const turnShare = 0.8
const leastTurnShare = 1 / 3
/** Tokens that must be left beside a first request: below that a run would lose each result before it could use it. */
const leastWork = 1_024
/** Tokens of a context in which work can be done at all: instructions, tools and a task take half of it. */
const leastWindow = 3_072
/** Kept free for what a chat template adds. */
const marginShare = 0.02
/** What a compaction keeps of the window, the tools and the task included. */
const keptShare = 0.2
/** What it keeps of the turns at least, as a share of what the tools and the task leave. */
const leastKeptShare = 0.1
/** Bounds of the server's tokens for one of ours. */
const leastRate = 0.3
const mostRate = 4

export type WindowSource = "agent" | "server" | "refusal" | "default"

export interface Window {
  /** Prompt and reply together. */
  readonly tokens: number
  /** Who said so. */
  readonly source: WindowSource
  /** Of the tools' schemas, by our count. */
  readonly toolTokens: number
  /** Most that one reply may take. */
  readonly maxTokens: number
  /** Of the longest reply so far. */
  readonly longestReply: number | undefined
  /** A prompt whose length the server said, and our count of the same. */
  readonly measured: { readonly ours: number; readonly theirs: number } | undefined
}

export const make = (known: Pick<Window, "tokens" | "source" | "toolTokens" | "maxTokens">): Window => ({
  ...known,
  longestReply: undefined,
  measured: undefined
})

const between = (low: number, value: number, high: number): number => Math.max(low, Math.min(value, high))

/** The server's tokens for one of ours. */
const rateOf = ({ measured }: Window): number =>
  measured === undefined ? 1 : between(leastRate, measured.theirs / measured.ours, mostRate)

/** Tokens of the next prompt, the tools included; `ours` counts its messages. */
export const used = (window: Window, ours: number): number => {
  const whole = ours + window.toolTokens
  const { measured } = window
  const rate = rateOf(window)
  return Math.ceil(
    measured === undefined || whole < measured.ours
      ? whole * rate
      : measured.theirs + (whole - measured.ours) * rate
  )
}

/** Kept for the reply: twice the longest so far, since those of one run are alike. */
const replyRoom = ({ longestReply, maxTokens, tokens }: Window): number =>
  Math.min(
    maxTokens,
    longestReply === undefined ? tokens / 8 : between(tokens / 16, longestReply * 2, tokens / 4)
  )

/** Tokens that a prompt may have before the conversation is compacted. */
export const limit = (window: Window): number =>
  Math.floor(window.tokens * (1 - marginShare) - replyRoom(window))

/** Tokens that all messages may have, by our count. */
export const roomForMessages = (window: Window): number =>
  Math.max(0, Math.floor(limit(window) / rateOf(window) - window.toolTokens))

/** Tokens of all messages that a compaction leaves, by our count. `pinned` are those of the messages that stay in any case. */
export const keptForMessages = (window: Window, pinned: number): number => {
  const share = (window.tokens * keptShare) / rateOf(window) - window.toolTokens
  const least = pinned + (roomForMessages(window) - pinned) * leastKeptShare
  return Math.floor(Math.min(Math.max(share, least), roomForMessages(window)))
}

/** Most tokens to ask of the next reply: no more than there is room for, since some servers refuse the sum. */
export const replyTokens = (window: Window, ours: number): number =>
  Math.floor(
    between(
      Math.min(leastReply, window.maxTokens),
      window.tokens * (1 - marginShare) - used(window, ours),
      window.maxTokens
    )
  )

/**
 * Characters that the next result may have. `ours` counts all messages so far, `spent` are the characters of the results of this turn.
 * Undefined when the turn has had its share.
 */
export const resultChars = (window: Window, ours: number, spent: number): number | undefined => {
  const charsPerToken = 4 / rateOf(window)
  const left = limit(window) - used(window, ours)
  const taken = spent / charsPerToken
  const isFull =
    taken > 0 && taken + leastResult > Math.max((left + taken) * turnShare, limit(window) * leastTurnShare)
  return isFull ? undefined : Math.floor(Math.max(leastResult, left / resultShare) * charsPerToken)
}

/** Whether a count can be that of a whole prompt: some servers leave out what their cache had, others make a number up. */
const isPlausible = ({ measured }: Window, ours: number, theirs: number): boolean => {
  const ratio = theirs / ours
  const isTooFew = measured !== undefined && ours >= measured.ours && theirs < measured.theirs * 0.7
  return ratio > leastRate && ratio < mostRate && !isTooFew
}

/** What a reply to a prompt of `ours` tokens teaches. */
export const observe = (
  window: Window,
  ours: number,
  { content, finishReason, reasoning, usage }: ChatReply
): Window => {
  const whole = ours + window.toolTokens
  const theirs = usage?.inputTokens ?? 0
  const spoken = Math.max(usage?.outputTokens ?? 0, (content.length + reasoning.length) / 4)
  // A reply that was cut off would have been longer.
  const length = finishReason === "length" ? spoken * 2 : spoken
  return {
    ...window,
    longestReply: Math.max(window.longestReply ?? 0, Math.ceil(length)),
    ...(isPlausible(window, whole, theirs) && { measured: { ours: whole, theirs } })
  }
}

/** What a refusal of a prompt of `ours` tokens teaches, with the figures that it gives. */
export const refused = (
  window: Window,
  ours: number,
  { promptTokens, windowTokens }: { readonly promptTokens?: number; readonly windowTokens?: number }
): Window => {
  const whole = ours + window.toolTokens
  // Without a figure: less than was tried.
  const tokens = windowTokens ?? Math.min(window.tokens, Math.floor(used(window, ours) * 0.8))
  return {
    ...window,
    tokens,
    source: "refusal",
    ...((promptTokens ?? 0) > 0 && { measured: { ours: whole, theirs: promptTokens ?? 0 } }),
    maxTokens: Math.min(window.maxTokens, Math.max(leastReply, Math.floor(tokens / 4)))
  }
}

/**
 * Whether a first prompt leaves so little that no work can be done. `ours` counts its messages; the tools count whether or not the server's
 * template shows them, since a model that does not see them is told of them later. An Agent's word is only held against what the server
 * counted: it may be there to try how a conversation is compacted.
 */
export const isTooSmall = (window: Window, ours: number): boolean => {
  const { measured, source, tokens, toolTokens } = window
  const theirs = measured?.theirs ?? 0
  if (source === "default") return false
  if (source === "agent") return theirs + leastReply > tokens
  return tokens < leastWindow || Math.max(theirs, ours + toolTokens) + leastWork > tokens
}

/** Tokens of a first request beside the diff: the tools, the instructions, the task. */
const besideDiff = 2_000
const leastDiffChars = 2_000
/** A diff has about three characters a token. */
const diffCharsPerToken = 3

/** Characters of a diff in the first request: with the rest of it about a quarter of the window. What is left out is read with tools. */
export const diffChars = (windowTokens: number): number =>
  Math.floor(Math.max(leastDiffChars, (windowTokens / 4 - besideDiff) * diffCharsPerToken))
