/** Puts this host's FleetNode into the cluster, and changes it only where it differs. Contract §3.1, §3.3. */
import { Effect, Schedule } from "effect"

import { label } from "../../schema/AgenticTask.ts"
import { type FleetNode, fleetNodes, type FleetNodeSpec } from "../../schema/FleetNode.ts"
import { KubeClient, type KubeError } from "../services/KubeClient.ts"

export interface Identity {
  readonly nodeName: string
  readonly tailscaleAddr: string | undefined
  /** The order counts: it is what a person sees. */
  readonly roles: ReadonlyArray<string> | undefined
  /** Labels that flags ask for; labels that others put there stay. */
  readonly labels: { readonly [key: string]: string }
  /** The one namespace in which this node looks for tasks; absent: all. */
  readonly taskNamespace?: string | undefined
}

/** Labels to write; `null` takes away what an earlier daemon of this node said. */
const labelsOf = ({ labels, taskNamespace }: Identity) => ({
  ...labels,
  [label.taskNamespace]: taskNamespace ?? null
})

const specOf = (identity: Identity): FleetNodeSpec => ({
  nodeName: identity.nodeName,
  ...(identity.tailscaleAddr === undefined ? {} : { tailscaleAddr: identity.tailscaleAddr }),
  ...(identity.roles === undefined ? {} : { roles: identity.roles })
})

/** Whether the object says already what the flags say. */
export const isCurrent = (node: FleetNode, identity: Identity): boolean => {
  const roles = node.spec.roles ?? []
  const wanted = identity.roles ?? []
  return (
    node.spec.nodeName === identity.nodeName &&
    (node.spec.tailscaleAddr ?? "") === (identity.tailscaleAddr ?? "") &&
    roles.length === wanted.length &&
    roles.every((role, index) => role === wanted[index]) &&
    Object.entries(labelsOf(identity)).every(
      ([key, value]) => (node.metadata.labels?.[key] ?? null) === value
    )
  )
}

/** Somebody else created or deleted it between our read and our write: look again, a few times. */
const lostRace = Schedule.exponential("50 millis").pipe(
  Schedule.upTo({ times: 5 }),
  Schedule.setInputType<KubeError>(),
  Schedule.while(({ input }) => ["AlreadyExists", "NotFound", "Conflict"].includes(input.reason._tag))
)

/** Creates the FleetNode, or patches what differs; an equal one is not written, so its version stays. */
export const register = Effect.fn("node.register")(function* (identity: Identity) {
  const kube = yield* KubeClient
  const ref = { name: identity.nodeName }
  const found = yield* kube
    .get(fleetNodes, ref)
    .pipe(Effect.catchReason("KubeError", "NotFound", () => Effect.succeed(undefined)))
  if (found === undefined) {
    return yield* kube.create(fleetNodes, {
      metadata: {
        name: identity.nodeName,
        labels: {
          ...identity.labels,
          ...(identity.taskNamespace !== undefined && { [label.taskNamespace]: identity.taskNamespace })
        }
      },
      spec: specOf(identity)
    })
  }
  if (isCurrent(found, identity)) return found
  return yield* kube.patch(fleetNodes, ref, {
    type: "merge",
    body: {
      metadata: { labels: labelsOf(identity) },
      spec: {
        nodeName: identity.nodeName,
        tailscaleAddr: identity.tailscaleAddr ?? null,
        roles: identity.roles ?? null
      }
    }
  })
}, Effect.retry(lostRace))
