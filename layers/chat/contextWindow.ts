/** What servers say of a model's context, in the forms of llama.cpp, vLLM, SGLang, LM Studio, OpenRouter and others. Pure. */
import { Option } from "effect"

const parseJson = Option.liftThrowable((text: string): unknown => JSON.parse(text))
type Json = { readonly [key: string]: unknown }
const recordOf = (value: unknown): Json =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value))
    : {}
const parse = (text: string): unknown => Option.getOrUndefined(parseJson(text))

/** No model has less or more; some servers say 0 where they do not know. */
const tokensOf = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isInteger(value) && value >= 128 && value <= 1e9 ? value : undefined

/** `GET /props` of llama.cpp: the context of one slot. */
export const fromProps = (body: string): number | undefined => {
  const { default_generation_settings: settings, n_ctx: whole } = recordOf(parse(body))
  return tokensOf(recordOf(settings)["n_ctx"]) ?? tokensOf(whole)
}

/** What is served comes before what the model could do; `n_ctx_train` is never what is served. */
const names = [
  "loaded_context_length",
  "max_model_len",
  "context_length",
  "context_window",
  "max_context_length"
] as const

/** `GET /models`: the entry of this model, or the only one. */
export const fromModels = (body: string, model: string): number | undefined => {
  const { data } = recordOf(parse(body))
  const entries = Array.isArray(data) ? data.map(recordOf) : []
  const entry = entries.find(({ id }) => id === model) ?? (entries.length === 1 ? entries[0] : undefined)
  if (entry === undefined) return undefined
  const served = [
    recordOf(entry["meta"])["n_ctx"],
    recordOf(entry["top_provider"])["context_length"],
    ...names.map((name) => entry[name])
  ]
  return served.map(tokensOf).find((tokens) => tokens !== undefined)
}

/** Where the two are asked; llama.cpp has its own beside `/v1`, not below it. */
export const addressesOf = (baseURL: string): { readonly props: string; readonly models: string } => {
  const base = baseURL.replace(/\/+$/u, "")
  return { props: `${base.replace(/\/v1$/u, "")}/props`, models: `${base}/models` }
}
