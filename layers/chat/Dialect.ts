/** What an endpoint has refused to read, so that it is left out or said otherwise from then on, and what it is known to offer. */
import type { InferenceReason } from "../../src/services/InferenceClient.ts"

/** The form that ids of calls must have: `prefix`, then letters and digits, `length` characters in all. */
export interface CallIdForm {
  readonly prefix: string
  readonly length: number
}

export interface Dialect {
  readonly hasTemperature: boolean
  readonly limitField: "max_tokens" | "max_completion_tokens"
  /** Most tokens of a reply that may be asked for. */
  readonly maxReply: number
  readonly isStreamed: boolean
  readonly asksForUsage: boolean
  /** Whether the server is asked to say how far it has read the prompt; llama.cpp does. */
  readonly asksForProgress: boolean
  readonly hasTemplateArguments: boolean
  /** Whether thoughts and signatures go back with the calls that they led to. */
  readonly hasReasoning: boolean
  /** Whether a message of the model may hold several calls; else each call stands in one of its own. */
  readonly hasParallelCalls: boolean
  /** Whether `content` is null beside calls; else it is empty. */
  readonly hasNullContent: boolean
  /** Whether a message may hold calls and text. */
  readonly hasTextBesideCalls: boolean
  /** Whether a result names its tool. */
  readonly hasToolNames: boolean
  /** Whether arguments are text, as the protocol says; some templates want the object. */
  readonly hasTextArguments: boolean
  /** Undefined where any id will do. */
  readonly callIds: CallIdForm | undefined
  readonly hasSystemRole: boolean
  /** Whether messages of a user may follow each other and a result; else they are put together. */
  readonly hasFreeRoles: boolean
  /** Whether there are tools at all; else they, the calls and their results are told as text. */
  readonly hasTools: boolean
}

export const everything: Dialect = {
  hasTemperature: true,
  limitField: "max_tokens",
  maxReply: Number.MAX_SAFE_INTEGER,
  isStreamed: true,
  asksForUsage: true,
  asksForProgress: false,
  hasTemplateArguments: true,
  hasReasoning: true,
  hasParallelCalls: true,
  hasNullContent: true,
  hasTextBesideCalls: true,
  hasToolNames: true,
  hasTextArguments: true,
  callIds: undefined,
  hasSystemRole: true,
  hasFreeRoles: true,
  hasTools: true
}

/** The names of what a dialect has other than another. */
export const changesBetween = (before: Dialect, after: Dialect): ReadonlyArray<string> =>
  Object.entries(before).flatMap(([key, value]) =>
    JSON.stringify(after[key as keyof Dialect]) === JSON.stringify(value) ? [] : [key]
  )

/** Characters of an id of which no length is said: what the strictest servers demand (Mistral's). */
const idLength = 9

/** Every form that servers were seen to demand takes these, so the words need not say more. */
const idForm = (words: string): Partial<Dialect> => {
  const prefix = /(?:begin|start)(?:s|ning|ing)? with ['"`]?([A-Za-z]{1,12}[_-]?)/iu.exec(words)?.[1] ?? ""
  const length = Number(/\blength (?:of )?(\d{1,2})\b/iu.exec(words)?.[1] ?? idLength)
  const isBound = /max/iu.test(words) || length < 4
  return { callIds: { prefix, length: prefix.length + (isBound ? idLength : length) } }
}

/** Least tokens of a reply that a limit may be about; smaller figures in the words are ranges' beginnings. */
const leastLimit = 256

const limit = (words: string): Partial<Dialect> => {
  const figures = [...words.matchAll(/\d[\d,]{2,9}/gu)].map(([digits]) => Number(digits.replaceAll(",", "")))
  const least = Math.min(...figures.filter((figure) => figure >= leastLimit))
  return Number.isFinite(least) ? { maxReply: least } : {}
}

interface Concession {
  readonly words: RegExp
  /** Words with which it is about something else. */
  readonly unless?: RegExp
  readonly change: Partial<Dialect> | ((words: string) => Partial<Dialect>)
}

/** A template's or a server's own fault to which it has words: whatever its status is. */
const ofMessages: ReadonlyArray<Concession> = [
  {
    words:
      /(?:tool|function).?(?:call|use)s?.{0,24}(?:\b|_)ids?\b.{0,120}(?:length|alphanumeric|a-z|pattern|match|begin|start|too long|characters|format)|(?:invalid|pattern|too long).{0,80}(?:tool_?calls?|tool_?use)\W.{0,24}\bid\b/isu,
    unless:
      /duplicat|not found|no tool (?:call|output)|did not have|without|not been|corresponding|preceding|previous/iu,
    change: idForm
  },
  {
    words: /\b(?:single|one) tool.?calls?\b|parallel (?:tool|function) calls?/iu,
    change: { hasParallelCalls: false }
  },
  {
    words:
      /arguments.{0,40}(?:must be|to be|should be|as) an? (?:dict|mapping|object|valid dictionary)|can only get item pairs from a mapping/iu,
    change: { hasTextArguments: false }
  },
  {
    words:
      /content\b.{0,60}(?:valid string|must be (?:a |of type )?string|null|\bNone\b)|expected.{0,20}string.{0,20}got null/iu,
    change: { hasNullContent: false }
  },
  { words: /both content and thinking/iu, change: { hasReasoning: false } },
  { words: /either content or tool_?calls/iu, change: { hasTextBesideCalls: false } },
  { words: /messages?\W{1,3}\d+\W{1,3}(?:tool\W)?name\b/iu, change: { hasToolNames: false } },
  {
    words:
      /system (?:role|messages?|prompts?)\b.{0,24}(?:not supported|not allowed|unsupported)|not support.{0,12}system|(?:got|unexpected role|invalid role)\W{0,4}system|developer instruction is not enabled/iu,
    change: { hasSystemRole: false }
  },
  {
    words:
      /alternat(?:e|ing)|consecutive|last (?:message )?role|last message|unexpected (?:message )?role|only user(?:,| and)|no user query|invalid (?:message )?role/iu,
    change: { hasFreeRoles: false }
  }
]

/** Where there are no tools, or no words of them can be shown. */
const ofTools: Concession = {
  words:
    /not support (?:tools?|functions?)\b|tools? (?:is|are) not supported|support tool use|tool.?choice.{0,20}requires|requires? --jinja|(?:tool|function) calling is not|tool role|role\W{1,3}(?:tool|function)\b|alternate|unexpected (?:message )?role|invalid (?:message )?role|only user(?:,| and)|generate parser for this template|jinja|raise_exception/iu,
  change: { hasTools: false }
}

/** The words of a refusal that is about an option, and what is done about it. The first that changes anything counts. */
const ofOptions: ReadonlyArray<Concession> = [
  { words: /max_completion_tokens/u, change: { limitField: "max_completion_tokens" } },
  { words: /stream_options/u, change: { asksForUsage: false } },
  { words: /chat_template_kwargs/u, change: { hasTemplateArguments: false } },
  { words: /\btemperature\b/u, change: { hasTemperature: false } },
  {
    words:
      /reasoning_(?:content|details)|\breasoning\b.{0,40}(?:not permitted|extra|unknown|unsupported)|extra_content|thought_signature|provider_specific_fields/iu,
    change: { hasReasoning: false }
  },
  {
    words:
      /max_(?:completion_)?tokens.{0,120}(?:at most|less than|<=|≤|range|>|maximum|too large|exceed|between)/iu,
    change: limit
  }
]
const ofStream: Concession = { words: /\bstream(?:ing|ed)?\b/iu, change: { isStreamed: false } }

/** A demand that something must be there is no wish to leave it out. */
const demands = /must be (?:passed|sent|provided)|is missing|is required/iu

/** What a template says itself; around it servers quote its source, in which anything may stand. */
const wordsOf = (body: string): string =>
  (/Jinja Exception:([^]*)$/u.exec(body)?.[1] ?? body)
    // The kind of an error says nothing of what it is about.
    .replaceAll(/\b\w{1,40}_error\b/gu, "")

const firstOf = (
  concessions: ReadonlyArray<Concession>,
  dialect: Dialect,
  words: string
): Dialect | undefined => {
  for (const concession of concessions) {
    if (!concession.words.test(words) || concession.unless?.test(words) === true) continue
    const { change } = concession
    const next = { ...dialect, ...(typeof change === "function" ? change(words) : change) }
    if (JSON.stringify(next) !== JSON.stringify(dialect)) return next
  }
  return undefined
}

/** How to ask once more after a refusal; `undefined` when nothing that can be left out or said otherwise is to blame. */
export const conceded = (dialect: Dialect, reason: InferenceReason): Dialect | undefined => {
  if (reason._tag === "ServerFailed") return firstOf(ofMessages, dialect, wordsOf(reason.message))
  if (reason._tag !== "RequestRejected") return undefined
  const { body, status } = reason
  const tools = () => firstOf([ofTools], dialect, body)
  // OpenRouter's "No endpoints found that support tool use".
  if (status === 404 || status === 501) return tools()
  // A template that refuses is a fault of the server's own, by its status.
  if (![400, 422, 500].includes(status)) return undefined
  const words = wordsOf(body)
  const isDemand = demands.test(words)
  if (isDemand && !/max_completion_tokens/u.test(words)) return undefined
  return (
    firstOf(ofOptions, dialect, words) ??
    firstOf(ofMessages, dialect, words) ??
    firstOf([ofStream], dialect, words) ??
    tools()
  )
}
