import { assert, describe, it } from "@effect/vitest"

import { type Mount, mountsOf, rewrite } from "../../../../layers/embedded/kubelet/mounts.ts"
import { containerEnv, expand } from "../../../../layers/embedded/kubelet/podEnv.ts"
import { unsafeName } from "../../../../layers/embedded/kubelet/podFolder.ts"
import {
  membersOf,
  provenGroups,
  type ProcessEntry
} from "../../../../layers/embedded/kubelet/processTable.ts"
import type { Container, Pod } from "../../../../schema/Job.ts"

const pod = (container: Partial<Container> = {}, spec: Partial<Pod["spec"]> = {}): Pod => ({
  metadata: { name: "p", namespace: "ns", uid: "u1" },
  spec: { containers: [{ name: "main", ...container }], ...spec }
})

describe("$(VAR)", () => {
  it.each([
    ["$(A)", "1"],
    ["x$(A)y$(A)", "x1y1"],
    ["$(NONE)", "$(NONE)"],
    ["$$(A)", "$(A)"],
    ["$$$(A)", "$1"],
    ["$A ${A} $(A", "$A ${A} $(A"],
    ["cost: 5$", "cost: 5$"],
    ["$(toString)", "$(toString)"]
  ])("%s is %s", (text, expected) => assert.strictEqual(expand(text, { A: "1" }), expected))
})

const missing = (valueFrom: NonNullable<NonNullable<Container["env"]>[number]["valueFrom"]>) =>
  containerEnv(
    pod(),
    { name: "main", env: [{ name: "V", valueFrom }] },
    {
      secret: (name) => (name === "s" ? { k: "v" } : undefined),
      configMap: () => undefined
    }
  )

describe("what an environment refers to", () => {
  it.each([
    [{ secretKeyRef: { name: "x", key: "k" } }, 'secret "x" not found'],
    [{ secretKeyRef: { name: "s", key: "z" } }, "couldn't find key z in Secret ns/s"],
    [{ configMapKeyRef: { name: "c", key: "k" } }, 'configmap "c" not found'],
    [{ fieldRef: { fieldPath: "status.nope" } }, "unsupported fieldPath: status.nope"]
  ])("%o is missed in the kubelet's words", (valueFrom, message) =>
    assert.deepStrictEqual(missing(valueFrom), { _tag: "Missing", message })
  )
})

describe("a path in a value", () => {
  const mounts: ReadonlyArray<Mount> = [
    { mountPath: "/work", folder: "/d/w" },
    { mountPath: "/work/cache", folder: "/d/c" }
  ]
  it.each([
    ["/work", "/d/w"],
    ["/work/a b", "/d/w/a b"],
    ["/work/cache/x", "/d/c/x"],
    ["/workshop", "/workshop"],
    ["see /work", "see /work"],
    ["--dir=/work/x", "--dir=/d/w/x"],
    ["-d=/work", "-d=/d/w"],
    ["a=/work", "a=/work"]
  ])("%s becomes %s", (value, expected) => assert.strictEqual(rewrite(value, mounts), expected))

  it.each([
    { mountPath: "/" },
    { mountPath: "work" },
    { mountPath: "/w", subPath: "../../x" },
    { mountPath: "/w", subPath: "/etc" }
  ])("a mount %o is refused", (mount) =>
    assert.deepStrictEqual(
      mountsOf("/pod", { name: "main", volumeMounts: [{ name: "v", ...mount }] }, new Map()),
      { refused: 'volumeMount "v" of container "main" has an invalid path' }
    )
  )
})

describe("a name that becomes a path", () => {
  it.each([
    [pod({ name: "../x" }), "../x"],
    [pod({}, { volumes: [{ name: "a/b", emptyDir: {} }] }), "a/b"],
    [pod({}, { volumes: [{ name: "v", persistentVolumeClaim: { claimName: ".." } }] }), ".."],
    [pod(), undefined]
  ])("case %#", (candidate, unsafe) => assert.strictEqual(unsafeName(candidate), unsafe))
})

const pids = (entries: ReadonlyArray<ProcessEntry>) => entries.map(({ pid }) => pid).toSorted()

const entry = (pid: number, parent: number, group: number, marker?: string): ProcessEntry => ({
  pid,
  parent,
  group,
  startTime: `t${pid}`,
  marker
})

describe("whose a process is", () => {
  const table = [
    entry(10, 1, 10, "u1/main"),
    entry(11, 10, 10),
    entry(12, 11, 12),
    entry(13, 1, 13, "u1/main"),
    entry(20, 1, 20, "u1/side"),
    entry(30, 1, 30, "u12/main")
  ]
  it("is told by its group, its marker, or its parents", () =>
    assert.deepStrictEqual(pids(membersOf(table, { groups: [10], marker: "u1/main" })), [10, 11, 12, 13]))
  it("a pod has those of all its containers, and of no pod whose uid begins alike", () =>
    assert.deepStrictEqual(pids(membersOf(table, { groups: [], marker: "u1" })), [10, 11, 12, 13, 20]))
  it("a group is proven by its leader's start time, or by marked members once the leader is gone", () =>
    assert.deepStrictEqual(
      provenGroups(
        [...table, entry(41, 1, 40, "u1/main"), entry(51, 1, 50)],
        [
          { pid: 10, startTime: "t10" },
          { pid: 20, startTime: "other" },
          { pid: 40, startTime: "t40" },
          { pid: 50, startTime: "t50" }
        ],
        "u1"
      ),
      [10, 40]
    ))
})
