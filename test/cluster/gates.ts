/** Gate tasks, and what became of them. */
import { assert } from "@effect/vitest"

import { create, ended, gateTask, getJson, kubectl, selectorOf, until } from "./world.ts"

/** A gate of one command. */
export const checkWith = (command: string) => ({ language: "generic", commands: { test: command } })

/** What a task says of a gate that did not judge. */
export const fault = ({ status }: any) => ({
  phase: status.phase,
  verdict: status.verdict,
  reason: status.failureReason,
  fault: status.result.extra.modelExtra.fault ?? status.result.extra.modelExtra.reason
})

export const notJudged = (word: string) => ({
  phase: "Succeeded",
  verdict: "GATE-ERROR",
  reason: "GateError",
  fault: word
})

export const clean = (...names: ReadonlyArray<string>) =>
  kubectl("delete", "at", ...names, "--ignore-not-found", "--timeout=60s")

/** The pod of the task's only Job, once its checks run. */
export const runningPod = async (name: string): Promise<string> => {
  const labels = await selectorOf(name)
  const pod: any = await until(`a running pod of ${name}`, async () => {
    const fields = "--field-selector=status.phase=Running"
    return (await getJson("pods", "-n", "foreman-system", "-l", labels, fields)).items[0]
  })
  return pod.metadata.name
}

/** Acts on the running pod of a gate; whose first Job is then lost in that `word`, and whose second one judges. */
export const isTriedAgain = async (name: string, word: string, act: (pod: string) => Promise<unknown>) => {
  await clean(name)
  // The first one is there for as long as it takes to harm it; the cache tells the second that it is not the first.
  const mark = `"$XDG_DATA_HOME/${name}-${Date.now()}"`
  const command = `[ -e ${mark} ] || { mkdir -p "$XDG_DATA_HOME"; : >${mark}; sleep 20; }`
  await create(gateTask(name, { gateProfile: checkWith(command) }))
  await act(await runningPod(name))
  const { status } = await ended(name)
  assert.deepStrictEqual(
    [status.verdict, status.result.extra.attempts?.map((attempt: any) => attempt.fault)],
    ["GATE-PASS", [word]]
  )
}
