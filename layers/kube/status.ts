/** A metav1.Status, from HTTP or from the embedded server, as the reason that callers branch on. */
import { Option, Schema } from "effect"

import {
  AlreadyExists,
  Conflict,
  Forbidden,
  Gone,
  Invalid,
  type KubeReason,
  NotFound,
  TooManyRequests,
  Unauthorized,
  Unavailable
} from "../../src/services/KubeClient.ts"

/** The part of a Status that decides. */
export interface Status {
  readonly code: number
  readonly reason?: string | undefined
  readonly message: string
  readonly retryAfterSeconds?: number | undefined
}

/**
 * The code comes first, since proxies send codes without a body; `reason` splits the one code that means two things, 409.
 * An apply conflict is a Conflict too. What is not known is Unavailable: below 500 that only happens to redirects and proxies.
 */
export const reasonOfStatus = ({ code, reason, message, retryAfterSeconds }: Status): KubeReason => {
  const later = retryAfterSeconds === undefined ? {} : { retryAfterSeconds }
  switch (code) {
    case 400:
    case 405:
    case 406:
    case 413:
    case 415:
    case 422:
      return new Invalid({ message })
    case 401:
      return new Unauthorized({ message })
    case 403:
      return new Forbidden({ message })
    case 404:
      return new NotFound({ message })
    case 409:
      return reason === "AlreadyExists" ? new AlreadyExists({ message }) : new Conflict({ message })
    case 410:
      return new Gone({ message })
    case 429:
      return new TooManyRequests({ message, ...later })
    default:
      return new Unavailable({ message, ...later })
  }
}

/** Of another's JSON we read no more than this, each part only if it is what it should be. */
const StatusBody = Schema.fromJsonString(
  Schema.Struct({
    reason: Schema.optionalKey(Schema.String),
    message: Schema.optionalKey(Schema.String),
    details: Schema.optionalKey(
      Schema.NullOr(Schema.Struct({ retryAfterSeconds: Schema.optionalKey(Schema.Finite) }))
    )
  })
)
const decodeBody = Schema.decodeUnknownOption(StatusBody)

/** Characters of a body that is no Status which go into the message. */
const quotedCharacters = 512

/** An HTTP answer of 300 or above. `retryAfter` is the header: only its form in seconds is understood, as Kubernetes sends it. */
export const reasonOf = (answer: {
  readonly status: number
  readonly body: string
  readonly retryAfter?: string | undefined
}): KubeReason => {
  const body = Option.getOrUndefined(decodeBody(answer.body))
  const header = Number.parseInt(answer.retryAfter ?? "", 10)
  const seconds = body?.details?.retryAfterSeconds ?? header
  const text = answer.body.trim().slice(0, quotedCharacters)
  return reasonOfStatus({
    code: answer.status,
    reason: body?.reason,
    message: body?.message ?? (text === "" ? `HTTP ${answer.status}` : `HTTP ${answer.status}: ${text}`),
    ...(Number.isFinite(seconds) && seconds >= 0 ? { retryAfterSeconds: seconds } : {})
  })
}
