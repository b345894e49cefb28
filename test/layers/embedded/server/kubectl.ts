/** One journey of real kubectl through the embedded server, run for each pinned version in a file of its own, side by side. */
import { execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { writeFileSync } from "node:fs"
import { createInterface } from "node:readline"

import { assert, describe, layer } from "@effect/vitest"
import { DateTime, Effect } from "effect"

import { EmbeddedCluster, layer as cluster } from "../../../fakes/EmbeddedCluster.ts"
import { findKubectl } from "../../../findKubectl.ts"

interface Said {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** What stands in a line's columns; ages as AGE. */
const cells = (line: string): ReadonlyArray<string> =>
  line.split(/\s{2,}/u).map((cell) => (/^(?:\d+[smhd])+$/u.test(cell) ? "AGE" : cell.trim()))

const rows = (text: string) => text.trimEnd().split("\n").map(cells)

const task = (name: string, spec = "{kind: freeform, payload: {prompt: hello}}") => `
apiVersion: foreman.llmkube.dev/v1alpha1
kind: AgenticTask
metadata: {name: ${name}}
spec: ${spec}
`

const node = `
apiVersion: foreman.llmkube.dev/v1alpha1
kind: FleetNode
metadata: {name: m5-max}
spec: {nodeName: m5-max, roles: [worker]}
`

export const kubectlSuite = (minor: "1.31" | "1.35") => {
  const found = findKubectl(minor)
  if ("missing" in found) {
    describe.skip(`kubectl ${minor}: ${found.missing}`, () => {})
    return
  }

  /** A home of its own, so that nothing is cached from elsewhere. */
  const environment = Effect.map(EmbeddedCluster, ({ folder, kubeconfig }) => ({
    PATH: process.env["PATH"] ?? "",
    HOME: folder.path,
    KUBECONFIG: kubeconfig,
    KUBE_EDITOR: folder.file("editor").replaceAll(" ", "\\ ")
  }))

  const run = Effect.fnUntraced(function* (args: ReadonlyArray<string>, input = "") {
    const env = yield* environment
    return yield* Effect.callback<Said>((resume) => {
      const child = execFile(found.path, [...args], { env, timeout: 15_000 }, (error, out, err) =>
        resume(Effect.succeed({ code: error === null ? 0 : Number(error.code), out, err }))
      )
      child.stdin?.end(input)
      return Effect.sync(() => child.kill("SIGKILL"))
    })
  })

  const kubectl = (command: string, input?: string) => run(command.split(" "), input)

  /** What it printed; a failure of the command is one of the test. */
  const ok = Effect.fnUntraced(function* (command: string | ReadonlyArray<string>, input?: string) {
    const { code, out, err } = yield* run(typeof command === "string" ? command.split(" ") : command, input)
    assert.deepStrictEqual({ command, code, err: code === 0 ? "" : err }, { command, code: 0, err: "" })
    return out
  })

  /** A command that goes on by itself, read line by line. */
  const running = Effect.fnUntraced(function* (command: string) {
    const env = yield* environment
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => spawn(found.path, command.split(" "), { env, stdio: ["ignore", "pipe", "inherit"] })),
      (child) =>
        Effect.promise(async () => {
          if (child.exitCode !== null || child.signalCode !== null) return
          child.kill("SIGKILL")
          await once(child, "exit")
        })
    )
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const next = Effect.promise(async () => cells((await lines.next()).value ?? "(end)"))
    return { next, ended: Effect.promise(async () => child.exitCode ?? (await once(child, "exit"))[0]) }
  })

  layer(cluster, { excludeTestServices: true })(`kubectl ${minor}`, (it) => {
    it.effect("finds our kinds, and may do everything", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(
          rows(yield* ok("api-resources --api-group=foreman.llmkube.dev --no-headers")),
          [
            ["agentictasks", "at", "foreman.llmkube.dev/v1alpha1", "true", "AgenticTask"],
            ["agentreleases", "agr", "foreman.llmkube.dev/v1alpha1", "false", "AgentRelease"],
            ["agents", "ag", "foreman.llmkube.dev/v1alpha1", "true", "Agent"],
            ["fleetnodes", "fn", "foreman.llmkube.dev/v1alpha1", "false", "FleetNode"],
            ["modelprofiles", "mp", "foreman.llmkube.dev/v1alpha1", "false", "ModelProfile"],
            ["workloads", "wl", "foreman.llmkube.dev/v1alpha1", "true", "Workload"]
          ]
        )
        assert.strictEqual(yield* ok("auth can-i delete agentictasks"), "yes\n")
        assert.include(yield* ok("version"), "Server Version: v1.34.0+foreman\n")
      })
    )

    it.effect("explains a field in our words", () =>
      Effect.gen(function* () {
        const text = yield* ok("explain agentictask.spec.dependsOn")
        assert.include(text, "FIELD: dependsOn <[]string>\n")
        assert.include(text, "Names of tasks in the same namespace")
        assert.include(yield* ok("explain pods"), "KIND:       Pod\n")
      })
    )

    it.effect("prints a node's columns as the first implementation does", () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* ok("apply -f -", node), "fleetnode.foreman.llmkube.dev/m5-max created\n")
        const lastHeartbeatTime = DateTime.formatIso(yield* DateTime.now).replace(/\.\d+/u, "")
        const status = {
          phase: "Ready",
          capability: { accelerator: "metal", availableRAMGB: 22 },
          lastHeartbeatTime
        }
        yield* ok([
          "patch",
          "fn",
          "m5-max",
          "--subresource=status",
          "--type=merge",
          "-p",
          JSON.stringify({ status })
        ])
        const [header, row] = (yield* ok("get fleetnodes")).split("\n")
        assert.strictEqual(header, "NAME     PHASE   ACCELERATOR   RAM   CURRENT TASK   HEARTBEAT   AGE")
        assert.match(row ?? "", /^m5-max {3}Ready {3}metal {9}22 {19}\d+s {10}\d+s$/u)
      })
    )

    it.effect(
      "applies, on the client's side: created, unchanged, configured, and a field taken out again",
      () =>
        Effect.gen(function* () {
          const said = []
          for (const spec of [
            "{kind: freeform, payload: {prompt: hello}}",
            "{kind: freeform, payload: {prompt: hello}}",
            "{kind: freeform, priority: 3, payload: {prompt: bye}}",
            "{kind: freeform, payload: {prompt: bye}}"
          ]) {
            said.push(yield* ok("apply -f -", task("applied", spec)))
          }
          assert.deepStrictEqual(
            said.map((line) => line.trim()),
            ["created", "unchanged", "configured", "configured"].map(
              (what) => `agentictask.foreman.llmkube.dev/applied ${what}`
            )
          )
          assert.deepStrictEqual(JSON.parse(yield* ok(["get", "at", "applied", "-o", "jsonpath={.spec}"])), {
            kind: "freeform",
            payload: { branchStrategy: "reset", prompt: "bye" }
          })
        })
    )

    it.effect("applies, on the server's side, and is told whose field it would take", () =>
      Effect.gen(function* () {
        const spec = "{kind: freeform, priority: 3, payload: {prompt: hello}}"
        assert.strictEqual(
          yield* ok("apply --server-side --field-manager=one -f -", task("shared", spec)),
          "agentictask.foreman.llmkube.dev/shared serverside-applied\n"
        )
        const other = task("shared", "{kind: freeform, priority: 4, payload: {prompt: hello}}")
        const refused = yield* kubectl("apply --server-side --field-manager=two -f -", other)
        assert.strictEqual(refused.code, 1)
        assert.include(refused.err, 'Apply failed with 1 conflict: conflict with "one": .spec.priority')
        yield* ok("apply --server-side --field-manager=two --force-conflicts -f -", other)
        assert.strictEqual(yield* ok("get at shared -o jsonpath={.spec.priority}"), "4")
      })
    )

    it.effect("is refused what the schema forbids, with every cause", () =>
      Effect.gen(function* () {
        const typo = yield* kubectl("create -f -", task("typo", "{kind: freeform, payload: {}, modelRf: x}"))
        assert.deepStrictEqual(
          [typo.code, typo.err.includes('strict decoding error: unknown field "spec.modelRf"')],
          [1, true]
        )
        const wrong = yield* kubectl("create -f -", task("wrong", "{kind: guess, payload: {}}"))
        assert.strictEqual(wrong.code, 1)
        assert.include(wrong.err, 'The AgenticTask "wrong" is invalid: spec.kind: Unsupported value: "guess"')
        const twice = yield* kubectl("create -f -", node)
        assert.include(twice.err, 'fleetnodes.foreman.llmkube.dev "m5-max" already exists')
        const absent = yield* kubectl("get at nope")
        assert.strictEqual(
          absent.err,
          'Error from server (NotFound): agentictasks.foreman.llmkube.dev "nope" not found\n'
        )
      })
    )

    it.effect("creates the built-in kinds that it writes as protobuf", () =>
      Effect.gen(function* () {
        yield* ok("create namespace team")
        yield* ok("create secret generic token --from-literal=token=x -n team")
        yield* ok("create configmap settings --from-literal=a=b --from-literal=c=d -n team")
        yield* ok("create serviceaccount robot -n team")
        yield* ok("create job hello --image=none -n team -- echo hi there")
        yield* ok(
          "run shell --image=none --restart=Never --env=A=B --labels=x=y -n team --command -- sh -c true"
        )
        assert.deepStrictEqual(rows(yield* ok("get namespace team")), [
          ["NAME", "STATUS", "AGE"],
          ["team", "Active", "AGE"]
        ])
        assert.deepStrictEqual(rows(yield* ok("get secrets,configmaps -n team")), [
          ["NAME", "TYPE", "DATA", "AGE"],
          ["secret/token", "Opaque", "1", "AGE"],
          [""],
          ["NAME", "DATA", "AGE"],
          ["configmap/settings", "2", "AGE"]
        ])
        assert.strictEqual(yield* ok("get secret token -n team -o jsonpath={.data.token}"), "eA==")
        assert.deepStrictEqual(rows(yield* ok("get pods,jobs -n team")), [
          ["NAME", "READY", "STATUS", "RESTARTS", "AGE"],
          ["pod/shell", "0/1", "Pending", "0", "AGE"],
          [""],
          ["NAME", "STATUS", "COMPLETIONS", "DURATION", "AGE"],
          ["job.batch/hello", "Running", "0/1", "AGE"]
        ])
        const pod = JSON.parse(yield* ok("get pod shell -n team -o json"))
        const [container] = pod.spec.containers
        assert.deepStrictEqual(
          [pod.metadata.labels, container.command, container.env],
          [{ x: "y" }, ["sh", "-c", "true"], [{ name: "A", value: "B" }]]
        )
      })
    )

    it.effect("edits, labels, annotates and patches, in each of the three ways", () =>
      Effect.gen(function* () {
        const { folder } = yield* EmbeddedCluster
        writeFileSync(folder.file("editor"), '#!/bin/sh\nexec sed -i s/hello/edited/ "$1"\n', { mode: 0o700 })
        yield* ok("create -f -", task("edited"))
        yield* ok("edit at edited")
        yield* ok("label at edited team=a")
        yield* ok("annotate at edited note=b")
        yield* ok('patch at edited --type=json -p [{"op":"add","path":"/spec/priority","value":7}]')
        yield* ok('patch at edited --type=merge -p {"spec":{"modelRef":"m"}}')
        const object = JSON.parse(yield* ok("get at edited -o json"))
        assert.deepStrictEqual(
          [object.metadata.labels, object.metadata.annotations.note, object.metadata.generation, object.spec],
          [
            { team: "a" },
            "b",
            4,
            {
              kind: "freeform",
              modelRef: "m",
              payload: { branchStrategy: "reset", prompt: "edited" },
              priority: 7
            }
          ]
        )
        yield* ok("create configmap strategic --from-literal=a=b")
        yield* ok('patch configmap strategic -p {"data":{"c":"d"}}')
        assert.strictEqual(yield* ok("get configmap strategic -o jsonpath={.data}"), '{"a":"b","c":"d"}')
      })
    )

    it.effect("watches each change of a task as a row", () =>
      Effect.gen(function* () {
        yield* ok("create -f -", task("watched"))
        const watch = yield* running("get at watched -w")
        assert.deepStrictEqual(yield* watch.next, ["NAME", "PHASE", "KIND", "NODE", "VERDICT", "AGE"])
        assert.deepStrictEqual(yield* watch.next, ["watched", "freeform", "AGE"])
        yield* ok(
          'patch at watched --subresource=status --type=merge -p {"status":{"phase":"Running","assignedNode":"m5"}}'
        )
        assert.deepStrictEqual(yield* watch.next, ["watched", "Running", "freeform", "m5", "AGE"])
      })
    )

    it.effect("waits for a condition, for a value, and for the end of an object", () =>
      Effect.gen(function* () {
        yield* ok("create -f -", task("awaited"))
        const waits = yield* Effect.forEach(
          ["condition=Completed", "jsonpath={.status.phase}=Succeeded"],
          (what) => running(`wait at/awaited --for=${what} --timeout=10s`)
        )
        const condition = {
          type: "Completed",
          status: "True",
          reason: "ExecutorSucceeded",
          message: "done",
          lastTransitionTime: "2026-01-01T00:00:00Z"
        }
        const status = { phase: "Succeeded", conditions: [condition] }
        yield* ok([
          "patch",
          "at",
          "awaited",
          "--subresource=status",
          "--type=merge",
          "-p",
          JSON.stringify({ status })
        ])
        for (const wait of waits) {
          assert.deepStrictEqual(yield* wait.next, ["agentictask.foreman.llmkube.dev/awaited condition met"])
        }
        const gone = yield* running("wait at/awaited --for=delete --timeout=10s")
        yield* ok("delete at awaited")
        assert.strictEqual(yield* gone.ended, 0)
      })
    )

    it.effect("follows a log to its end, or reads its tail", () =>
      Effect.gen(function* () {
        yield* ok("run talker --image=none --restart=Never --command -- echo hi")
        assert.strictEqual(yield* ok("logs talker --tail=1"), "second line of talker\n")
        assert.strictEqual(
          yield* ok("logs -f talker"),
          "first line of talker\nsecond line of talker\nfollowed line\n"
        )
        const absent = yield* kubectl("logs nobody")
        assert.include(absent.err, 'pods "nobody" not found')
      })
    )

    it.effect("describes a task with its events", () =>
      Effect.gen(function* () {
        yield* ok("create -f -", task("described"))
        const uid = yield* ok("get at described -o jsonpath={.metadata.uid}")
        yield* ok(
          "create -f -",
          JSON.stringify({
            apiVersion: "v1",
            kind: "Event",
            metadata: { name: "described.1", namespace: "default" },
            involvedObject: {
              apiVersion: "foreman.llmkube.dev/v1alpha1",
              kind: "AgenticTask",
              name: "described",
              namespace: "default",
              uid
            },
            reason: "NoNodeFits",
            message: "0/0 nodes fit",
            type: "Warning",
            firstTimestamp: "2026-01-01T00:00:00Z",
            lastTimestamp: "2026-01-01T00:00:00Z",
            source: { component: "foreman-operator" }
          })
        )
        const text = yield* ok("describe at described")
        assert.match(text, /^Name: +described\n/u)
        assert.match(text, /Warning +NoNodeFits +\S+ +foreman-operator +0\/0 nodes fit/u)
        assert.deepStrictEqual(
          rows(yield* ok("get events")).map((row) => row.slice(1)),
          [
            ["TYPE", "REASON", "OBJECT", "MESSAGE"],
            ["Warning", "NoNodeFits", "agentictask/described", "0/0 nodes fit"]
          ]
        )
      })
    )

    it.effect("deletes one, all, and a namespace with what is in it", () =>
      Effect.gen(function* () {
        assert.include(yield* ok("delete fn m5-max"), 'fleetnode.foreman.llmkube.dev "m5-max" deleted')
        yield* ok("delete at --all")
        assert.strictEqual(yield* ok("get at"), "")
        yield* ok("delete namespace team")
        assert.deepStrictEqual(yield* ok("get secrets,pods,jobs -n team --ignore-not-found -o name"), "")
      })
    )
  })
}
