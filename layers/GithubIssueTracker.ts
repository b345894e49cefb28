/** IssueTracker over GitHub's REST API. Contract §4.3. */
import { Effect, Layer, Redacted, Schema } from "effect"

import { type Issue, IssueTracker, TrackerError } from "../src/services/IssueTracker.ts"

export interface Options {
  readonly token: Redacted.Redacted<string> | undefined
  /** `https://api.github.com` when absent. */
  readonly baseURL?: string
}

const timeout = "10 seconds"
const maxBodyBytes = 16_384
/** Names that GitHub itself admits; nothing else becomes part of a URL. */
const slug = /^[A-Za-z0-9_.-]+\/[A-Za-z0-9_.-]+$/u

const Answer = Schema.Struct({
  number: Schema.Int,
  title: Schema.String,
  body: Schema.NullishOr(Schema.String).pipe(Schema.optionalKey),
  state: Schema.String,
  labels: Schema.Array(Schema.Union([Schema.String, Schema.Struct({ name: Schema.String })]))
})
const decodeAnswer = Schema.decodeUnknownEffect(Schema.fromJsonString(Answer))

/** The start of a text, whole characters. */
const cut = (text: string): string => {
  const bytes = Buffer.from(text, "utf8")
  return bytes.length <= maxBodyBytes
    ? text
    : bytes
        .subarray(0, maxBodyBytes)
        .toString("utf8")
        .replace(/\uFFFD+$/u, "")
}

const unreachable = (cause: unknown) =>
  new TrackerError({ message: `no answer: ${cause instanceof Error ? cause.message : String(cause)}` })

export const make = (options: Options): IssueTracker["Service"] => {
  const baseURL = (options.baseURL ?? "https://api.github.com").replace(/\/+$/u, "")
  const headers = {
    accept: "application/vnd.github+json",
    "x-github-api-version": "2022-11-28",
    "user-agent": "foreman",
    ...(options.token === undefined ? {} : { authorization: `Bearer ${Redacted.value(options.token)}` })
  }

  const issue = Effect.fn("GithubIssueTracker.issue")(function* (repo: string, number: number) {
    if (!slug.test(repo) || repo.split("/").some((part) => /^\.+$/u.test(part))) {
      return yield* new TrackerError({ message: `"${repo}" is no owner/name` })
    }
    const { status, text } = yield* Effect.tryPromise({
      try: async (signal) => {
        const response = await fetch(`${baseURL}/repos/${repo}/issues/${number}`, { headers, signal })
        return { status: response.status, text: await response.text() }
      },
      catch: unreachable
    }).pipe(
      Effect.timeoutOrElse({
        duration: timeout,
        orElse: () => Effect.fail(new TrackerError({ message: `no answer within ${timeout}` }))
      })
    )
    if (status < 200 || status > 299) {
      return yield* new TrackerError({ status, message: `issue ${repo}#${number}: HTTP ${status}` })
    }
    const answer = yield* decodeAnswer(text).pipe(
      Effect.mapError((error) => new TrackerError({ status, message: error.message }))
    )
    const found: Issue = {
      number: answer.number,
      title: answer.title,
      body: cut(answer.body ?? ""),
      state: answer.state,
      labels: answer.labels.map((label) => (typeof label === "string" ? label : label.name))
    }
    return found
  })
  return IssueTracker.of({ issue })
}

export const layer = (options: Options) => Layer.succeed(IssueTracker, make(options))
