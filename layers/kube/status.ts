/** A metav1.Status, from HTTP or from the embedded server, as the reason that callers branch on. */
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

/** The part of a Status that decides. `code` is the HTTP status when the body carried none. */
export interface Status {
  readonly code: number
  readonly reason?: string | undefined
  readonly message: string
  /** `details.retryAfterSeconds`, or the Retry-After header. */
  readonly retryAfterSeconds?: number | undefined
}

/**
 * The code comes first, since proxies send codes without a body; `reason` splits the one code that means two things, 409.
 * An apply conflict is a Conflict too. What is not known is Unavailable: below 500 that only happens to redirects and proxies.
 */
export const reasonOf = ({ code, reason, message, retryAfterSeconds }: Status): KubeReason => {
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
