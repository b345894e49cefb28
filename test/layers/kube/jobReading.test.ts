import { assert, describe, it } from "@effect/vitest"

import { read, type Seen } from "../../../layers/kube/jobReading.ts"

const meta = { name: "j", namespace: "n" }
const spec = { containers: [] }

/** A main container that ended so, and what else is known of its Job. */
const seen = (
  terminated: { readonly exitCode: number; readonly message?: string },
  more: { readonly deadline?: boolean; readonly isPodDeleted?: boolean } = {}
): Seen => {
  const failed = { type: "Failed", status: "True", reason: "DeadlineExceeded", message: "too long" }
  return {
    job: {
      metadata: meta,
      spec: { template: { spec } },
      status: { conditions: more.deadline === true ? [failed] : [] }
    },
    isJobGone: false,
    pod: { metadata: meta, spec, status: { containerStatuses: [{ name: "coder", state: { terminated } }] } },
    isPodGone: more.isPodDeleted === true,
    events: []
  }
}

describe("an end of the main container", () => {
  it.each([
    ["with a message is its own, whatever happened to the Job since", { exitCode: 0, message: "m" }, "Ended"],
    ["in good order without a message was asked for: by the deadline", { exitCode: 0 }, "DeadlineExceeded"]
  ])("%s", (_, terminated, expected) => {
    const reading = read(seen(terminated, { deadline: true }), "coder")
    assert.strictEqual(reading._tag === "Fault" ? reading.fault : reading._tag, expected)
  })

  it.each([
    ["a deleted pod", { isPodDeleted: true }, "PodDeleted"],
    ["nothing that explains it", {}, "Ended"]
  ])("in good order without a message waits a moment for its reason: %s", (_, more, expected) => {
    const reading = read(seen({ exitCode: 0 }, more), "coder")
    const outcome = reading._tag === "Wait" ? reading.outcome : undefined
    assert.deepStrictEqual(
      [
        reading._tag === "Wait" && reading.patienceSeconds,
        outcome?._tag === "Fault" ? outcome.fault : outcome?._tag
      ],
      [3, expected]
    )
  })
})

describe("a pod that its node's kubelet does not let in", () => {
  it.each([
    ["TaintToleration", "NodeLost"],
    ["NodeAffinity", "NodeLost"],
    ["OutOfephemeral-storage", "Evicted"],
    ["UnexpectedAdmissionError", "Evicted"]
  ] as const)("by %s may be let in elsewhere: %s", (reason, expected) => {
    const failed = { type: "Failed", status: "True", reason: "BackoffLimitExceeded" }
    const pod = {
      metadata: meta,
      spec,
      status: { phase: "Failed" as const, reason, message: "Predicate failed" }
    }
    const job = {
      metadata: meta,
      spec: { template: { spec } },
      status: { conditions: [failed] }
    }
    const reading = read({ job, isJobGone: false, pod, isPodGone: false, events: [] }, "coder")
    assert.deepStrictEqual(reading, { _tag: "Fault", fault: expected, message: "Predicate failed" })
  })
})

describe("an eviction", () => {
  const evicted = (message: string) => {
    const pod = { metadata: meta, spec, status: { phase: "Failed" as const, reason: "Evicted", message } }
    const job = { metadata: meta, spec: { template: { spec } }, status: {} }
    const reading = read({ job, isJobGone: false, pod, isPodGone: false, events: [] }, "coder")
    return reading._tag === "Fault" ? reading.fault : reading._tag
  }

  // Messages of Kubernetes' pkg/kubelet/eviction.
  it.each([
    "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi. ",
    'Container toolchain exceeded its local ephemeral storage limit "1Gi". ',
    'Usage of EmptyDir volume "work" exceeds the limit "1Gi". '
  ])("for what the pod itself wrote is a full disk: %s", (message) =>
    assert.strictEqual(evicted(message), "DiskFull")
  )

  it("for want of the node's is an eviction", () =>
    assert.strictEqual(evicted("The node was low on resource: ephemeral-storage. "), "Evicted"))
})
