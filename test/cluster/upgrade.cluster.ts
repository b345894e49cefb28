/** `helm upgrade` from one revision of the kinds to the next: no object is lost, and what the new revision adds can be used at once. */
import { cp, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"

import { assert, beforeAll, describe, it } from "@effect/vitest"
import { inject } from "vitest"
import { parse, stringify } from "yaml"

import { root } from "../e2e/foreman.ts"
import { checkWith } from "./gates.ts"
import {
  create,
  ended,
  everything,
  gateTask,
  getJson,
  install,
  installFrom,
  jobsOf,
  kubectl,
  kubectlWith,
  task,
  uninstall,
  until
} from "./world.ts"

/** The chart as it was before tasks had a time limit and claims, and before `kubectl get` told verdicts. */
const makeOlderChart = async (): Promise<string> => {
  const chart = join(inject("home"), "older-chart")
  await cp(join(root, "charts", "foreman"), chart, { recursive: true })
  const file = join(chart, "templates", "crds", "agentictasks.yaml")
  const lines = (await readFile(file, "utf8")).trimEnd().split("\n")
  const isHelm = (line: string) => line.startsWith("{{")
  const kind = parse(lines.filter((line) => !isHelm(line)).join("\n"))
  const [version] = kind.spec.versions
  const { spec, status } = version.schema.openAPIV3Schema.properties
  assert.isTrue(delete spec.properties.timeoutSeconds && delete status.properties.claim)
  const isNew = ({ name }: { readonly name: string }) => name === "Verdict"
  version.additionalPrinterColumns = version.additionalPrinterColumns.filter((column: any) => !isNew(column))
  const [end = "", ...start] = lines.filter(isHelm).toReversed()
  await writeFile(file, [...start.toReversed(), stringify(kind), end, ""].join("\n"))
  return chart
}

const columns = async () => (await kubectl("get", "at")).split("\n", 1).join().split(/ +/u)

const limited = (name: string) => gateTask(name, { gateProfile: checkWith("sleep 60"), timeoutSeconds: 5 })

beforeAll(async () => {
  await uninstall()
  const names = (await kubectl("get", "crd", "-o", "name")).split("\n")
  const ours = names.filter((name) => name.endsWith(".foreman.llmkube.dev"))
  if (ours.length > 0) await kubectl("delete", ...ours, "--timeout=120s")
  await installFrom(await makeOlderChart())
})

describe("helm upgrade to the next revision of the kinds", () => {
  it("loses no object and no run, and what is new can be used", { timeout: 240_000 }, async () => {
    const quick = { gateProfile: checkWith("true") }
    await create(gateTask("before", quick))
    const before = await ended("before")
    assert.deepStrictEqual([before.status.verdict, before.status.claim], ["GATE-PASS", undefined])
    // An unknown field is dropped, as a server of that revision would.
    await kubectlWith(JSON.stringify(limited("unlimited")), "apply", "--validate=ignore", "-f", "-")
    assert.isUndefined((await getJson("at", "unlimited")).spec.timeoutSeconds)
    assert.notInclude(await columns(), "VERDICT")
    await create(gateTask("during", { gateProfile: checkWith("sleep 15") }), {
      ...task("plan", {}),
      kind: "Workload",
      spec: { intent: "Nothing yet", pipeline: [] }
    })
    await until("the gate", async () => ((await jobsOf("during"))[0]?.status?.ready === 1 ? true : undefined))
    const objects = await everything()

    await install()

    assert.deepStrictEqual(await everything(), objects)
    const { spec, status } = await getJson("at", "before")
    assert.deepStrictEqual({ spec, status }, { spec: before.spec, status: before.status })
    assert.isUndefined((await getJson("at", "during")).status.verdict)
    assert.include(await columns(), "VERDICT")
    await create(limited("limited"))
    const late = (await ended("limited")).status
    assert.deepStrictEqual([late.verdict, late.failureReason], ["INCOMPLETE", "Timeout"])
    assert.isString(late.claim.id)
    const during = (await ended("during")).status
    assert.deepStrictEqual([during.verdict, (await jobsOf("during")).length], ["GATE-PASS", 1])
  })
})
