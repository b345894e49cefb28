/** Bad input answers with a clear error and loses nothing: through `foreman up`, with real kubectl. */
import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdir, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { join } from "node:path"

import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"

import { foreman, makeRemote, root, startUp, temporaryFolder, type Up, whyNoKubectl } from "./foreman.ts"

/** A container may forbid them. */
const hasNamespaces = spawnSync("unshare", ["--user", "--map-current-user", "--mount", "true"]).status === 0

let up: Up
let home: string
const ends: Array<() => Promise<void>> = []

beforeAll(async () => {
  if (whyNoKubectl !== undefined) return
  home = await temporaryFolder((clean) => void ends.push(clean))
  const remote = await makeRemote(home, join(root, "examples", "demo", "repository"))
  up = await startUp({
    home,
    agentFlags: [
      "--roles=worker,verifier",
      "--max-wait=1s",
      `--git-remote-url=${remote}`,
      "--commit-author-email=bot@example.com"
    ]
  })
  ends.push(async () => void (await up.stop()))
  await up.kubectl(
    "apply",
    "-f",
    join(root, "examples", "agents"),
    "-f",
    join(root, "examples", "inference-services.yaml")
  )
})

afterAll(async () => {
  for (const end of ends.toReversed()) await end()
})

const task = (name: string, spec: object): string =>
  JSON.stringify({
    apiVersion: "foreman.llmkube.dev/v1alpha1",
    kind: "AgenticTask",
    metadata: { name, namespace: "default" },
    spec: { kind: "freeform", payload: {}, ...spec }
  })

const apply = async (name: string, spec: object): Promise<string> => {
  const file = join(home, `${name.slice(0, 40)}.json`)
  await writeFile(file, task(name, spec))
  return up.kubectl("apply", "-f", file)
}

const refused = async (applied: Promise<string>): Promise<string> => {
  const error = await applied.then(
    () => undefined,
    (error: unknown) => error as { readonly stderr: string }
  )
  assert.isDefined(error, "kubectl apply was expected to fail")
  return error!.stderr
}

const conditionOf = async (name: string, type: string): Promise<string> =>
  up.kubectl("get", "at", name, "-o", `jsonpath={.status.conditions[?(@.type=="${type}")].message}`)

// Side by side, since each waits for processes most of its time.
describe.skipIf(whyNoKubectl !== undefined)("bad input", { concurrent: true, timeout: 60_000 }, () => {
  it("an unknown field is refused with its path", async () => {
    assert.match(await refused(apply("unknown", { pirority: 1 })), /unknown field "spec\.pirority"/u)
  })

  it("a wrong enum is refused with what is supported", async () => {
    assert.match(
      await refused(apply("enum", { kind: "issue-fox" })),
      /spec\.kind: Unsupported value: "issue-fox": supported values: "issue-fix"/u
    )
  })

  it("dependsOn with an object is refused", async () => {
    const stderr = await refused(apply("object", { dependsOn: [{ name: "code" }] }))
    assert.match(stderr, /spec\.dependsOn\[0\]/u)
  })

  it("a missing agent fails or waits with its name, and the task stays", async () => {
    await apply("no-agent", { agentRef: { name: "nobody" } })
    await up.kubectl("wait", "at/no-agent", "--for=jsonpath={.status.phase}", "--timeout=50s")
    const messages = `${await conditionOf("no-agent", "Scheduled")}${await conditionOf("no-agent", "Failed")}`
    assert.match(messages, /nobody/u)
  })

  it("a missing dependency waits and is named", async () => {
    await apply("no-dependency", { dependsOn: ["not-there"] })
    await up.kubectl("wait", "at/no-dependency", "--for=jsonpath={.status.phase}=Pending", "--timeout=50s")
    assert.match(await conditionOf("no-dependency", "Scheduled"), /not-there/u)
  })

  it("a cycle of dependencies fails with the cycle named", async () => {
    await apply("cycle-a", { dependsOn: ["cycle-b"] })
    await apply("cycle-b", { dependsOn: ["cycle-a"] })
    await up.kubectl(
      "wait",
      "at/cycle-a",
      "at/cycle-b",
      "--for=jsonpath={.status.phase}=Failed",
      "--timeout=50s"
    )
    assert.match(
      await conditionOf("cycle-a", "Failed"),
      /cycle-a → cycle-b → cycle-a|cycle-b → cycle-a → cycle-b/u
    )
  })

  it("a gate task with a name of 64 characters runs its Job to the end", async () => {
    const name = `gate-${"n".repeat(59)}`
    assert.lengthOf(name, 64)
    await apply(name, {
      kind: "verify",
      agentRef: { name: "gate" },
      gateProfile: { language: "generic", commands: { lint: "node --check src/slug.js" } },
      payload: { repo: "acme/slug", branch: "main" }
    })
    await up.kubectl("wait", `at/${name}`, "--for=jsonpath={.status.verdict}=GATE-PASS", "--timeout=50s")
  })

  it("a branch called $(touch x) is a name, not a command", async () => {
    const branch = "$(touch${IFS}x)"
    await apply("injection", {
      kind: "verify",
      agentRef: { name: "gate" },
      gateProfile: { language: "generic", commands: { lint: "true" } },
      payload: { repo: "acme/slug", branch }
    })
    await up.kubectl("wait", "at/injection", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=50s")
    const { status } = await up.getJson("at", "injection")
    assert.strictEqual(status.verdict, "GATE-ERROR")
    assert.include(JSON.stringify(status.result), "touch")
    for (const folder of [home, root, join(home, "data")]) assert.isFalse(existsSync(join(folder, "x")))
  })

  it.runIf(hasNamespaces)("a check of a gate finds what opens the cluster empty", async () => {
    const files = ["kubeconfig", "store.db"].map((name) => join(home, "data", name)).join(" ")
    await apply("thief", {
      kind: "verify",
      agentRef: { name: "gate" },
      gateProfile: { language: "generic", commands: { lint: `test -z "$(cat ${files})"` } },
      payload: { repo: "acme/slug", branch: "main" }
    })
    await up.kubectl("wait", "at/thief", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=50s")
    assert.strictEqual((await up.getJson("at", "thief")).status.verdict, "GATE-PASS")
  })

  it("an unreachable model parks the task, which says so and names the endpoint", async () => {
    const patch = JSON.stringify({ status: { endpoint: "http://127.0.0.1:9/v1/chat/completions" } })
    await up.kubectl("patch", "isvc", "coder-model", "--subresource=status", "--type=merge", "-p", patch)
    await apply("no-model", { kind: "freeform", agentRef: { name: "coder" }, payload: { prompt: "hello" } })
    await up.kubectl("wait", "at/no-model", "--for=condition=Parked", "--timeout=50s")
    const { status } = await up.getJson("at", "no-model")
    assert.deepStrictEqual([status.phase, status.assignedNode], ["Pending", undefined])
    assert.include(JSON.stringify(status.conditions), "127.0.0.1:9")
  })

  it("a wrong token is Unauthorized", async () => {
    const stderr = await refused(up.kubectl("--token=wrong", "get", "at"))
    assert.match(stderr, /Unauthorized|must be logged in/u)
  })

  it("a second foreman up on the same data names the first and changes nothing", async () => {
    const second = await foreman(["up", `--data-dir=${join(home, "data")}`, "--port=0"], home)
    assert.strictEqual(second.code, 78)
    assert.match(second.stderr, new RegExp(`${up.process.pid}`, "u"))
    assert.include(await up.kubectl("get", "ns"), "default")
  })

  it("a port in use is named, with the next step", async () => {
    const server = createServer().listen(0, "127.0.0.1")
    await new Promise((resolve) => server.once("listening", resolve))
    const { port } = server.address() as { readonly port: number }
    const ended = await foreman(["up", `--data-dir=${join(home, "other")}`, `--port=${port}`], home)
    server.close()
    assert.strictEqual(ended.code, 78)
    assert.match(ended.stderr, new RegExp(`${port}[^]*--port`, "u"))
  })

  it("a data folder of a newer version is refused untouched", async () => {
    const data = join(home, "newer")
    await mkdir(data, { mode: 0o700 })
    await writeFile(join(data, "version"), "999\n")
    const ended = await foreman(["up", `--data-dir=${data}`, "--port=0"], home)
    assert.strictEqual(ended.code, 78)
    assert.match(ended.stderr, /newer/u)
  })

  it.each([
    { flags: ["--", "--no-such-flag"], code: 78, says: /flag provided but not defined: -no-such-flag/u },
    { flags: ["--port=65536"], code: 2, says: /a port from 0 to 65535, not 65536/u }
  ])("$flags is refused before a data folder is made", async ({ flags, code, says }) => {
    const data = join(home, "never-made")
    const ended = await foreman(["up", `--data-dir=${data}`, ...flags], home)
    assert.strictEqual(ended.code, code)
    assert.match(ended.stderr, says)
    assert.isFalse(existsSync(data))
  })

  it("an unknown flag is named, with the help beside it", async () => {
    const ended = await foreman(["operator", "--no-such-flag"], home)
    assert.strictEqual(ended.code, 2)
    assert.match(ended.stderr, /flag provided but not defined: -no-such-flag/u)
  })
})

describe.skipIf(whyNoKubectl !== undefined)("after all of the bad input", () => {
  it("nothing was lost on the way: every task that was taken is there", async () => {
    const { items } = await up.getJson("at")
    assert.includeMembers(
      items.map(({ metadata }: any) => metadata.name),
      ["no-agent", "no-dependency", "cycle-a", "cycle-b", "injection", "no-model"]
    )
  })
})
