/** Whether a node lives: by its Lease, or by its heartbeat when it shows none (design §3.5, §3.11). */
import type { Lease } from "../../schema/Core.ts"
import type { FleetNode } from "../../schema/FleetNode.ts"
import { parseTime } from "../../schema/Time.ts"

/** A heartbeat counts for this long. Contract §1.2. */
const heartbeatTimeoutMillis = 90_000
/** A Lease that does not say how long it counts. Design §3.5. */
const leaseTimeoutMillis = 40_000

const leaseNameOf = (nodeName: string): string => `foreman-node-${nodeName}`

/** The Lease of a node. */
export const leaseRef = (nodeName: string, namespace: string) => ({ namespace, name: leaseNameOf(nodeName) })

/** The inverse of `leaseNameOf`; `undefined` for a Lease that is no node's. */
export const nodeOfLease = (leaseName: string): string | undefined =>
  leaseName.startsWith("foreman-node-") ? leaseName.slice("foreman-node-".length) : undefined

/** Whether a change of a Lease is no more than its renewal, which alone happens all the time. */
export const isRenewal = (before: Lease | undefined, after: Lease): boolean =>
  before !== undefined && before.spec?.holderIdentity === after.spec?.holderIdentity

/** When a sign of life was last seen to change, by this process's clock: it wins over what a host says whose clock may be off. */
export interface Seen {
  readonly leaseMillis?: number | undefined
  readonly heartbeatMillis?: number | undefined
}

export interface Liveness {
  /** Milliseconds since the epoch; minus infinity for a node that never gave a sign. */
  readonly lastSeenMillis: number
  /** The moment from which the node counts as silent. */
  readonly silentAtMillis: number
  readonly hasLease: boolean
}

/**
 * A Lease that ran out gives way to a heartbeat that is younger than its end: the daemon then lost the right to write Leases, or one
 * of the first implementation took its place. One that was given back says nothing of a node that is there again: who has not seen the
 * Lease taken anew goes by the heartbeat. A node that has not beaten yet counts from its creation.
 */
export const livenessOf = (
  node: FleetNode | undefined,
  lease: Lease | undefined,
  seen: Seen = {}
): Liveness => {
  const isLeft = lease?.spec?.holderIdentity === "" && node !== undefined && node.status?.phase !== "Draining"
  const held = isLeft
    ? Number.NEGATIVE_INFINITY
    : (seen.leaseMillis ?? parseTime(lease?.spec?.renewTime) ?? Number.NEGATIVE_INFINITY)
  const validMillis =
    lease?.spec?.leaseDurationSeconds === undefined
      ? leaseTimeoutMillis
      : lease.spec.leaseDurationSeconds * 1000
  const beat =
    seen.heartbeatMillis ??
    parseTime(node?.status?.lastHeartbeatTime ?? node?.metadata.creationTimestamp) ??
    Number.NEGATIVE_INFINITY
  const hasLease = held > Number.NEGATIVE_INFINITY
  return hasLease && beat <= held + validMillis
    ? { lastSeenMillis: held, silentAtMillis: held + validMillis, hasLease }
    : { lastSeenMillis: beat, silentAtMillis: beat + heartbeatTimeoutMillis, hasLease: false }
}
