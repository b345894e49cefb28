/** Whether the cluster answers, what the Agent lacks, and what its reader may do. */
import { Duration, Effect, Schema } from "effect"

import { type Agent, agents } from "../../schema/Agent.ts"
import { agenticTasks } from "../../schema/AgenticTask.ts"
import { fleetNodes } from "../../schema/FleetNode.ts"
import { ObjectMeta } from "../../schema/Meta.ts"
import type { KubeObject, Resource } from "../../schema/Resource.ts"
import { workloads } from "../../schema/Workload.ts"
import { findCondition } from "../../src/decide/status.ts"
import { unreadFields } from "../../src/decide/unread.ts"
import { KubeClient, KubeError, Unavailable } from "../../src/services/KubeClient.ts"
import { fail, type Line, ok, skipped, warn } from "./Line.ts"

const AccessReview = Schema.Struct({
  metadata: ObjectMeta,
  status: Schema.optionalKey(Schema.Struct({ allowed: Schema.Boolean }))
})
const accessReviews: Resource<typeof AccessReview.Type> = {
  group: "authorization.k8s.io",
  version: "v1",
  kind: "SelfSubjectAccessReview",
  plural: "selfsubjectaccessreviews",
  singular: "selfsubjectaccessreview",
  shortNames: [],
  namespaced: false,
  schema: AccessReview
}

/** What a person needs who gives Foreman work and looks at it. */
const wanted: ReadonlyArray<readonly [string, Resource<KubeObject>, string]> = [
  ["create", workloads, ""],
  ["create", agenticTasks, ""],
  ["list", agenticTasks, ""],
  ["watch", agenticTasks, ""],
  ["list", agents, ""],
  ["list", fleetNodes, ""]
]

const fixOfKube = ({ reason: { _tag } }: KubeError): string => {
  switch (_tag) {
    case "Unauthorized":
      return "the kubeconfig's token or certificate is not taken: fetch it anew"
    case "Forbidden":
      return "ask the administrator of the cluster for the role of the chart"
    case "NotFound":
      return "install the kinds: helm install, or kubectl apply -f crds"
    case "Unavailable":
      return "see whether the API server is up; KUBECONFIG or --kubeconfig names another"
    default:
      return "see the API server's log"
  }
}

const maxShown = 10
const patience = Duration.seconds(20)

/** `undefined`: nothing else of the cluster is worth a look. */
const reach = Effect.fnUntraced(function* (namespace: string) {
  const kube = yield* KubeClient
  return yield* kube.list(agents, { namespace }).pipe(
    Effect.timeoutOrElse({
      duration: patience,
      orElse: () =>
        Effect.fail(
          new KubeError({
            operation: "list agents",
            reason: new Unavailable({ message: `no answer within ${Duration.format(patience)}` })
          })
        )
    }),
    Effect.result
  )
})

const permissionLine = Effect.fnUntraced(function* (namespace: string) {
  const kube = yield* KubeClient
  const answers = yield* Effect.forEach(wanted, ([verb, { group, plural }]) =>
    kube
      .create(accessReviews, {
        apiVersion: "authorization.k8s.io/v1",
        kind: accessReviews.kind,
        metadata: {},
        spec: { resourceAttributes: { namespace, verb, group, resource: plural } }
      })
      .pipe(
        Effect.map(({ status }) => (status?.allowed === true ? [] : [`${verb} ${plural}`])),
        Effect.orElseSucceed(() => undefined)
      )
  )
  if (answers.some((answer) => answer === undefined)) {
    return skipped("permissions", "this API server does not say what its clients may do")
  }
  const missing = answers.flatMap((answer) => answer ?? [])
  return missing.length === 0
    ? ok("permissions", `what a user needs is allowed in ${namespace}`)
    : fail(
        "permissions",
        `not allowed in ${namespace}: ${missing.join(", ")}`,
        "ask the administrator of the cluster for these rights"
      )
})

export const agentLine = (agent: Agent): Line => {
  const check = "agent"
  const validated = findCondition(agent.status?.conditions ?? [], "Validated")
  if (validated?.status === "False" && validated.reason !== "NotImplemented") {
    return fail(
      check,
      `${validated.reason}: ${validated.message ?? ""}`,
      "mend the Agent: the operator looks again at once"
    )
  }
  const vain = unreadFields(agent)
  return vain.length > 0
    ? warn(check, `set without effect: ${vain.join(", ")}`, "leave them out: nothing happens by them")
    : ok(check, `${agent.metadata.name}, a ${agent.spec.role}`)
}

export interface ClusterReport {
  readonly lines: ReadonlyArray<Line>
  readonly agent?: Agent
}

/** An empty `name` checks the cluster alone. */
export const probeCluster = Effect.fn("doctor.cluster")(function* (
  name: string,
  namespace: string
): Effect.fn.Return<ClusterReport, never, KubeClient> {
  const listed = yield* reach(namespace)
  if (listed._tag === "Failure") {
    const { failure } = listed
    return { lines: [fail("cluster", failure.message, fixOfKube(failure))] }
  }
  const { items, undecodable } = listed.success
  const lines = [
    ok("cluster", `answers; ${items.length} Agents in ${namespace}`),
    yield* permissionLine(namespace)
  ]
  if (name === "") return { lines }
  const agent = items.find(({ metadata }) => metadata.name === name)
  if (agent !== undefined) return { lines: [...lines, agentLine(agent)], agent }
  const broken = undecodable.find(({ ref }) => ref.name === name)
  if (broken !== undefined) {
    const line = fail("agent", `${name} cannot be read: ${broken.message}`, "correct the field that is named")
    return { lines: [...lines, line] }
  }
  const there = items.map(({ metadata }) => metadata.name).slice(0, maxShown)
  const fix =
    there.length === 0
      ? "apply one: examples/agents has some"
      : `name one of ${there.join(", ")}, or another namespace with -n`
  return { lines: [...lines, fail("agent", `there is no Agent ${name} in ${namespace}`, fix)] }
})
