/** What an agent's request to its model becomes before it is passed on. Pure. */
import { Option } from "effect"

import type { Endpoint } from "../../src/services/InferenceClient.ts"
import { isRecord } from "../chat/wire.ts"

type Body = { readonly [key: string]: unknown }

/** The part of a URL after `/v1/` that may be asked for, with its query; `undefined` for anything else. */
export const pathOf = (url: string): string | undefined => {
  const { pathname, search } = new URL(url, "http://gateway")
  // An escaped slash or dot is for somebody behind us to read otherwise.
  return pathname.startsWith("/v1/") && !/%2e|%2f|%5c|\/\//iu.test(pathname)
    ? `${pathname.slice("/v1/".length)}${search}`
    : undefined
}

const parseJson = Option.liftThrowable((text: string): unknown => JSON.parse(text))

/** The body as an object; `undefined` where it is none. */
export const bodyOf = (text: string): Body | undefined => {
  const value = Option.getOrUndefined(parseJson(text))
  return isRecord(value) ? value : undefined
}

/** Where a request says how many tokens its reply may have. */
const bounds = ["max_tokens", "max_completion_tokens", "max_output_tokens"] as const

export const maxTokensOf = (body: Body): number | undefined => {
  const values = bounds.flatMap((name) => {
    const value = body[name]
    return typeof value === "number" && Number.isFinite(value) ? [value] : []
  })
  return values.length === 0 ? undefined : Math.min(...values)
}

/** The endpoint's model in place of what the agent calls it, the reply bounded, and its tokens counted where that must be asked for. */
export const passedOn = (
  path: string,
  body: Body,
  { model }: Pick<Endpoint, "model">,
  maxTokens: number | undefined
): string => {
  const isChat = path.startsWith("chat/completions")
  const given = bounds.filter((name) => body[name] !== undefined && body[name] !== null)
  const named = given.length > 0 ? given : [path.startsWith("responses") ? bounds[2] : bounds[0]]
  const options = isRecord(body["stream_options"]) ? body["stream_options"] : {}
  return JSON.stringify({
    ...body,
    ...(model !== "" && { model }),
    ...(maxTokens !== undefined &&
      maxTokens !== maxTokensOf(body) &&
      Object.fromEntries(named.map((name) => [name, maxTokens]))),
    ...(isChat && body["stream"] === true && { stream_options: { ...options, include_usage: true } })
  })
}
