/** Valid objects of every kind: a default, and what this test changes. Metadata, spec and status merge key by key. */
import type { Agent, AgentSpec } from "../schema/Agent.ts"
import type { AgenticTask, TaskSpec, TaskStatus } from "../schema/AgenticTask.ts"
import type { Lease } from "../schema/Core.ts"
import type { FleetNode, FleetNodeSpec, FleetNodeStatus } from "../schema/FleetNode.ts"
import type { ObjectMeta } from "../schema/Meta.ts"
import { formatMicroTime, formatTime } from "../schema/Time.ts"
import { bellAnnotation } from "../src/decide/bell.ts"
import type { Workload, WorkloadSpec, WorkloadStatus } from "../schema/Workload.ts"

interface Changes<Spec, Status> {
  readonly metadata?: Partial<ObjectMeta>
  readonly spec?: Partial<Spec>
  readonly status?: Status
}

/** The moment that builders count from, in milliseconds: whole seconds, as the wire has it. */
export const epoch = 1_800_000_000_000

const meta = (name: string, changes: Partial<ObjectMeta> | undefined): ObjectMeta => ({
  name,
  creationTimestamp: formatTime(epoch),
  ...changes
})

const withStatus = <S>(status: S | undefined) => (status === undefined ? {} : { status })

/** A freeform task in `default`, without Agent and without status. */
export const task = (name: string, changes: Changes<TaskSpec, TaskStatus> = {}): AgenticTask => ({
  metadata: meta(name, { namespace: "default", ...changes.metadata }),
  spec: { kind: "freeform", payload: { branchStrategy: "reset" }, ...changes.spec },
  ...withStatus(changes.status)
})

/** A Ready node, heard of at `epoch`, with one slot, 64 GB free and no accelerator. */
export const node = (name: string, changes: Changes<FleetNodeSpec, FleetNodeStatus> = {}): FleetNode => ({
  metadata: meta(name, changes.metadata),
  spec: { nodeName: name, roles: ["worker"], ...changes.spec },
  status: {
    phase: "Ready",
    lastHeartbeatTime: formatTime(epoch),
    capability: { totalRAMGB: 64, availableRAMGB: 64 },
    ...changes.status
  }
})

/** A coder with a local model, in `default`. */
export const agent = (
  name: string,
  changes: Changes<AgentSpec, NonNullable<Agent["status"]>> = {}
): Agent => ({
  metadata: meta(name, { namespace: "default", ...changes.metadata }),
  spec: {
    role: "coder",
    inferenceServiceRef: { name: "qwen" },
    systemPrompt: "You write code.",
    maxTurns: 50,
    maxRetries: 3,
    requestTimeoutSeconds: 3600,
    requestTurnTimeoutSeconds: 120,
    bashTimeoutSeconds: 30,
    tools: ["read_file", "write_file", "bash", "submit_result"],
    provider: "local",
    contextStrategy: "window",
    executor: "Native",
    ...changes.spec
  },
  ...withStatus(changes.status)
})

/** A Workload in `default` with an intent and nothing else. */
export const workload = (name: string, changes: Changes<WorkloadSpec, WorkloadStatus> = {}): Workload => ({
  metadata: meta(name, { namespace: "default", uid: `uid-${name}`, generation: 1, ...changes.metadata }),
  spec: { intent: "make it so", ...changes.spec },
  ...withStatus(changes.status)
})

/** A node's Lease, renewed at `epoch` and valid for 40 s; `bell` is what its annotation says. */
export const lease = (
  nodeName: string,
  spec: Partial<NonNullable<Lease["spec"]>> = {},
  bell?: string
): Lease => ({
  metadata: meta(`foreman-node-${nodeName}`, {
    namespace: "foreman-system",
    ...(bell === undefined ? {} : { annotations: { [bellAnnotation]: bell } })
  }),
  spec: {
    holderIdentity: `${nodeName}_1`,
    leaseDurationSeconds: 40,
    renewTime: formatMicroTime(epoch),
    ...spec
  }
})
