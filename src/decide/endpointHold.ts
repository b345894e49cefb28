/** Endpoints that said "later", as their Agents' status has it: nothing new is placed there until the time, then one task asks first. */
import type { Agent } from "../../schema/Agent.ts"
import { refKey } from "../../schema/Meta.ts"
import { formatTime, parseTime } from "../../schema/Time.ts"
import { endpointOf } from "./capacity.ts"
import { addTo } from "./sets.ts"
import { reason } from "./status.ts"

/**
 * After a hold one task alone is let through for this long, unless an answer clears the hold before. It shows whether the endpoint is back;
 * past it the hold is over, so that one whose daemon died holds nobody up for ever.
 */
export const probeMillis = 60_000

/**
 * A hold that ends within this time is told without its time. Where an endpoint is away it is renewed each minute, and a new time in the
 * message of each task that waits would be a write for each.
 */
const briefMillis = 90_000

/** Base URL and model: Agents that share both are held alike. */
export const heldKeyOf = (agent: Agent): string => {
  const { model, provider, providerConfig } = agent.spec
  return `${endpointOf(agent)} ${(provider === "cloud-proxy" ? providerConfig?.model : model) ?? ""}`
}

/** A hold as an Agent's status says it. */
interface Said {
  /** Whose queues it concerns. */
  readonly endpoint: string
  readonly heldUntil: string
  readonly message: string
  readonly untilMillis: number
}

export interface Refusal {
  readonly reason: string
  readonly message: string
}

export class HeldEndpoints {
  /** What is said of an endpoint, by the Agent that says it. */
  readonly #said = new Map<string, Map<string, Said>>()
  /** Tasks in flight, by endpoint. */
  readonly #inFlight = new Map<string, number>()
  #nowMillis = Number.NEGATIVE_INFINITY

  take(agent: Agent): void {
    addTo(this.#inFlight, heldKeyOf(agent), 1)
  }

  release(agent: Agent): void {
    addTo(this.#inFlight, heldKeyOf(agent), -1)
  }

  /** The Agent as it was and as it is. True when what it says of its endpoint is new. `aheadMillis` is added to its times. */
  agentChanged(before: Agent | undefined, after: Agent | undefined, aheadMillis: number): boolean {
    const was = before?.status?.endpoint
    const is = after?.status?.endpoint
    if (was === undefined && is === undefined) return false
    const isSame =
      before !== undefined &&
      after !== undefined &&
      was?.heldUntil === is?.heldUntil &&
      was?.message === is?.message &&
      heldKeyOf(before) === heldKeyOf(after)
    if (isSame) return false
    if (before !== undefined) this.#forget(before)
    const untilMillis = parseTime(is?.heldUntil)
    if (after === undefined || is === undefined || untilMillis === undefined) return true
    const key = heldKeyOf(after)
    const said = this.#said.get(key) ?? new Map<string, Said>()
    this.#said.set(key, said)
    said.set(refKey(after.metadata), {
      endpoint: endpointOf(after),
      heldUntil: is.heldUntil,
      message: is.message ?? "",
      untilMillis: untilMillis + aheadMillis
    })
    return true
  }

  /** Time went on. Returns the endpoints, as `endpointOf` names them, of which something else holds now. */
  pass(nowMillis: number): ReadonlyArray<string> {
    const before = this.#nowMillis
    this.#nowMillis = nowMillis
    return Array.from(this.#said.keys()).flatMap((key) =>
      this.#limit(key, before) === this.#limit(key, nowMillis) ? [] : (this.#last(key)?.endpoint ?? [])
    )
  }

  /** When time alone changes something; infinity for never. */
  get lookAtMillis(): number {
    let next = Number.POSITIVE_INFINITY
    for (const key of this.#said.keys()) {
      const until = this.#last(key)?.untilMillis ?? next
      const at = this.#nowMillis < until ? until : until + probeMillis
      if (at > this.#nowMillis) next = Math.min(next, at)
    }
    return next
  }

  /** Why no further task of this Agent may start now; `undefined` when one may. */
  refusal(agent: Agent): Refusal | undefined {
    if (this.#said.size === 0) return undefined
    const key = heldKeyOf(agent)
    const last = this.#last(key)
    if (last === undefined || (this.#inFlight.get(key) ?? 0) < this.#limit(key, this.#nowMillis))
      return undefined
    const words = last.message === "" ? "" : `: ${last.message}`
    return {
      reason: reason.endpointHeld,
      message:
        last.untilMillis - this.#nowMillis > briefMillis
          ? `the model's endpoint is held until ${last.heldUntil}${words}`
          : `the model's endpoint says later; one task asks it again within ${briefMillis / 1000} s${words}`
    }
  }

  /** Tasks that may be in flight at once. */
  #limit(key: string, nowMillis: number): number {
    const until = this.#last(key)?.untilMillis
    if (until === undefined || nowMillis >= until + probeMillis) return Number.POSITIVE_INFINITY
    return nowMillis < until ? 0 : 1
  }

  /** The one that holds longest; of equals the first by the Agent's name. */
  #last(key: string): Said | undefined {
    let last: Said | undefined
    let lastName = ""
    for (const [name, said] of this.#said.get(key) ?? []) {
      const isLater = last === undefined || said.untilMillis > last.untilMillis
      if (isLater || (said.untilMillis === last?.untilMillis && name < lastName)) {
        last = said
        lastName = name
      }
    }
    return last
  }

  #forget(agent: Agent): void {
    const key = heldKeyOf(agent)
    const said = this.#said.get(key)
    if (said?.delete(refKey(agent.metadata)) === true && said.size === 0) this.#said.delete(key)
  }
}

/** A hold as it is written into an Agent's status. */
export const endpointStatus = (hold: {
  readonly untilMillis: number
  readonly reason: string
  readonly message: string
}) => ({
  // Whole seconds, and never before the time that the endpoint named.
  heldUntil: formatTime(Math.ceil(hold.untilMillis / 1000) * 1000),
  reason: hold.reason,
  message: hold.message.slice(0, maxMessageLength)
})

/** Characters of an endpoint's words that are kept. */
const maxMessageLength = 1_024
