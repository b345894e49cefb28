/** What an endpoint means by an answer that is no completion: whose doing it is, and whether to ask again. Words as real servers send them. */
import { Option } from "effect"

import type { Party } from "../../schema/Party.ts"
import {
  ContextOverflow,
  EndpointBusy,
  type InferenceReason,
  MalformedToolCall,
  RequestRejected,
  ServerFailed
} from "../../src/services/InferenceClient.ts"

/** Of what the server says. */
const maxWords = 512

const parseJson = Option.liftThrowable((text: string): unknown => JSON.parse(text))
const isRecord = (value: unknown): value is { readonly [key: string]: unknown } =>
  typeof value === "object" && value !== null && !Array.isArray(value)
const numberOf = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isFinite(value) ? value : undefined
const textOf = (value: unknown): string => (typeof value === "string" ? value : "")

/** `JSON.stringify` does not take what is nested as deeply as anybody likes; `JSON.parse` does. */
const written = (value: unknown): string =>
  Option.getOrElse(
    Option.liftThrowable((any: unknown) => JSON.stringify(any) ?? "")(value),
    () => "(nested too deeply)"
  )

interface Said {
  /** Its words, for a person. */
  readonly words: string
  /** Type and code, as far as there are any. */
  readonly kind: string
  readonly status: number | undefined
  readonly promptTokens: number | undefined
  readonly windowTokens: number | undefined
}

/** FastAPI's list of what is wrong, each with its place. */
const listed = (value: unknown): string =>
  (Array.isArray(value) ? value : [value])
    .map((one) => {
      const fields = isRecord(one) ? one : {}
      const at = Array.isArray(fields["loc"]) ? `${fields["loc"].map(String).join(".")}: ` : ""
      const words = textOf(fields["msg"]) || textOf(fields["message"]) || textOf(one)
      return words === "" ? "" : at + words
    })
    .filter((words) => words !== "")
    .join("; ")

/** What a proxy says only in its details: the words of the server behind it. */
const behind = (inner: { readonly [key: string]: unknown }): string => {
  const raw = isRecord(inner["metadata"]) ? inner["metadata"]["raw"] : undefined
  const words = typeof raw === "string" ? raw : raw === undefined || raw === null ? "" : written(raw)
  return words === "" ? "" : `: ${words}`
}

/** The error object of OpenAI, of vLLM (`object: "error"`), of FastAPI (`detail`), Gemini's list of one, or plain text. */
const read = (given: unknown): Said => {
  const value: unknown = Array.isArray(given) && given.length === 1 ? given[0] : given
  const outer = isRecord(value) ? value : {}
  const inner = isRecord(outer["error"]) ? outer["error"] : outer
  const message =
    textOf(inner["message"]) ||
    textOf(outer["error"]) ||
    textOf(outer["message"]) ||
    textOf(outer["msg"]) ||
    listed(outer["detail"]) ||
    listed(outer["errors"])
  const said = (message || (typeof value === "string" ? value : written(value))).trim() + behind(inner)
  const words = said.slice(0, maxWords)
  const code = inner["code"]
  return {
    words,
    kind: `${textOf(inner["type"])} ${textOf(code)} ${textOf(inner["status"])}`,
    status: numberOf(code) ?? numberOf(inner["status"]),
    ...tokensOf(inner, words)
  }
}

/** Figures of an overflow, in the fields of llama.cpp or in the words of the others. */
const tokensOf = (error: { readonly [key: string]: unknown }, words: string) => {
  const count = (form: RegExp): number | undefined => {
    const digits = form.exec(words)?.[1]?.replaceAll(",", "")
    return digits === undefined ? undefined : Number(digits)
  }
  return {
    promptTokens:
      numberOf(error["n_prompt_tokens"]) ??
      count(/\((\d[\d,]{0,11})(?: tokens)? in the (?:messages|prompt|input)/u) ??
      count(
        /(?:requested|resulted in|request|prompt|input)[^\d]{0,40}?\(?(\d[\d,]{0,11})\)? (?:input )?tokens/iu
      ),
    windowTokens:
      numberOf(error["n_ctx"]) ??
      count(
        /(?:maximum context length|context (?:size|window|length)|max_model_len|model limit)[^\d]{0,24}(\d[\d,]{0,11})/iu
      )
  }
}

const overflows =
  /exceed_context_size|context_length_exceeded|exceeds? the (?:available |model'?s? ?)?(?:maximum )?context|maximum context length|context (?:window|size|length) (?:is )?(?:exceeded|overflow)|prompt is too long|input (?:is )?too long|too many (?:input )?tokens|reduce the length of the (?:messages|prompt)/iu
const busy =
  /overloaded|rate.?limit|too many requests|try again (?:later|in)|loading model|model is (?:currently )?loading|(?:queue|server|engine).{0,20}\b(?:full|busy)\b|capacity|temporarily unavailable|insufficient_quota/iu
const noCredit = /insufficient_quota|quota|credit|billing|balance|payment/iu
/** Said with other statuses than 402, too. */
const noFunds =
  /insufficient_quota|insufficient.{0,10}(?:credit|balance|funds)|credit balance is too low|out of credits/iu
const template =
  /roles must alternate|chat.?template|jinja|raise_exception|generate parser for this template|template_error|conversation roles|only user and assistant roles|unexpected role|only supports? (?:single|one) tool|system role not supported|expected last role/iu
const filtered = /content.?filter|content management policy|safety (?:system|policy)|flagged/iu
const parsesCalls =
  /pars(?:e|ing) (?:the )?(?:tool|function).?call|tool.?call arguments|json\.exception\.parse_error/iu
const noModel =
  /model.{0,80}(?:does not exist|not found|not (?:currently )?available)|invalid.?model|no such model|unknown model/iu
const noKey =
  /(?:invalid|incorrect|missing|no).{0,20}api.?key|api.?key.{0,20}(?:invalid|not valid|missing|required)/iu
const isMarkup = /^\s*<(?:!doctype|html|head|body|\?xml)/iu

export interface Refusal {
  readonly status: number
  readonly body: string
  /** As they are named on the wire, in small letters. */
  readonly headers?: { readonly [name: string]: string | ReadonlyArray<string> | undefined }
  readonly nowMillis: number
}

const seconds = /^\s*(\d{1,9}(?:\.\d{1,6})?)\s*$/u

/** How long the server asks to wait: a header with seconds or a date, or its words. */
export const retryAfter = ({
  body,
  headers = {},
  nowMillis
}: Omit<Refusal, "status">): number | undefined => {
  const header = (name: string): string => {
    const value = headers[name]
    return typeof value === "string" ? value : (value?.[0] ?? "")
  }
  const millis = seconds.exec(header("retry-after-ms"))?.[1]
  if (millis !== undefined) return Number(millis)
  const after = header("retry-after")
  const given = seconds.exec(after)?.[1]
  if (given !== undefined) return Number(given) * 1000
  const at = after === "" ? Number.NaN : Date.parse(after)
  if (!Number.isNaN(at)) return Math.max(0, at - nowMillis)
  const [, hours = "0", minutes = "0", rest = "0", ms = "0"] =
    /(?:try again|retry_?delay"?\s?:?\s?"?|retry|wait)\s?(?:in|after)?\s?(?:(\d{1,4})\s?h(?:ours?)?\b)?\s?(?:(\d{1,5})\s?m(?!s)(?:in(?:ute)?s?)?)?\s?(?:(\d{1,6}(?:\.\d{1,6})?)\s?s(?:ec(?:ond)?s?)?\b)?(?:(\d{1,9})\s?ms)?/iu.exec(
      body
    ) ?? []
  const told = Number(hours) * 3_600_000 + Number(minutes) * 60_000 + Number(rest) * 1000 + Number(ms)
  return told > 0 ? told : undefined
}

/** An answer with a status that is not 2xx. */
export const refused = (refusal: Refusal): InferenceReason => {
  const { body, status } = refusal
  const said = read(Option.getOrElse(parseJson(body), () => body))
  const message = `answered ${status}: ${said.words}`
  const all = `${said.kind} ${said.words}`
  const wait = retryAfter(refusal)
  const later = (party: Party) =>
    new EndpointBusy({ message, party, ...(wait !== undefined && { retryAfterMillis: wait }) })
  const rejected = (party: Party) => new RequestRejected({ message, party, status, body })
  const fromProxy: Party = isMarkup.test(body) ? "proxy" : "server"

  if (status >= 300 && status < 400) {
    const to = refusal.headers?.["location"]
    return new RequestRejected({
      message: `answered ${status}: a redirect${typeof to === "string" ? ` to ${to.slice(0, 200)}` : ""} is not followed; name the address itself`,
      party: "server",
      status,
      body
    })
  }
  if (status === 402 || (status < 500 && noFunds.test(all))) return later("quota")
  if (status === 407) return rejected("proxy")
  if ((status === 403 || status === 404) && fromProxy === "proxy") return rejected("proxy")
  if (status === 429)
    return later(noCredit.test(all) || !/overloaded|loading|busy/iu.test(all) ? "quota" : "server")
  if (status === 401 || status === 403) return rejected(filtered.test(all) ? "contentFilter" : "credentials")
  if (status === 404 || status === 405 || status === 410) return rejected("configuration")
  if (status === 413 || (status < 500 && overflows.test(all)) || (status === 500 && overflows.test(all)))
    return overflow(said, message, "configuration")
  if (template.test(all)) return rejected("template")
  if (parsesCalls.test(all)) {
    return new MalformedToolCall({ message, party: "model", tool: "", written: "", content: "" })
  }
  if ([408, 425, 502, 503, 504, 520, 521, 522, 523, 524, 529].includes(status)) return later(fromProxy)
  if (status >= 500) return busy.test(all) ? later("server") : new ServerFailed({ message, party: fromProxy })
  if (filtered.test(all)) return rejected("contentFilter")
  if (noKey.test(all)) return rejected("credentials")
  if (noModel.test(all)) return rejected("configuration")
  if (noCredit.test(said.kind)) return later("quota")
  return rejected(fromProxy)
}

/**
 * An error inside an answer with status 200: the server's, unless its words say that somebody else has to act. What an overflow or a rate is
 * about is known too late there, after the server took the request: that counts as its own.
 */
export const failedInside = (error: unknown, nowMillis: number): InferenceReason => {
  const said = read(error)
  const message = `the endpoint failed within its reply: ${said.words}`
  const all = `${said.kind} ${said.words}`
  if (overflows.test(all)) return overflow(said, message, "server")
  if ([402, 429, 503, 529].includes(said.status ?? 0) || busy.test(all) || noFunds.test(all)) {
    const wait = retryAfter({ body: said.words, nowMillis })
    return new EndpointBusy({
      message,
      party: "server",
      ...(wait !== undefined && { retryAfterMillis: wait })
    })
  }
  if (parsesCalls.test(all)) {
    return new MalformedToolCall({ message, party: "model", tool: "", written: "", content: "" })
  }
  const party = insideParty(said.status, all)
  if (party === undefined) return new ServerFailed({ message, party: "server" })
  return new RequestRejected({ message, party, status: said.status ?? 400, body: said.words })
}

/** Who has to act, where it is not the server. */
const insideParty = (status: number | undefined, all: string): Party | undefined => {
  if (filtered.test(all)) return "contentFilter"
  if (status === 401 || status === 403 || noKey.test(all)) return "credentials"
  if (template.test(all)) return "template"
  return noModel.test(all) ? "configuration" : undefined
}

const overflow = ({ promptTokens, windowTokens }: Said, message: string, party: Party) =>
  new ContextOverflow({
    message,
    party,
    ...(promptTokens !== undefined && { promptTokens }),
    ...(windowTokens !== undefined && { windowTokens })
  })
