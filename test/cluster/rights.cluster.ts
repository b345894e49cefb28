/** What each account of the chart may do, as the API server sees it. The golden file is written anew with `-u`. */
import { beforeAll, describe, expect, it } from "@effect/vitest"

import { create, install, kubectl } from "./world.ts"

beforeAll(() => install())

const namespaces = ["foreman-system", "default", "kube-system"]
const accounts = ["foreman-operator", "foreman-agent", "foreman-coder"]

/** `RESOURCE [NAMES] [VERBS]`, without what every account may: to ask about itself, and to read paths that are no resources. */
const rights = async (account: string, namespace: string): Promise<ReadonlyArray<string>> => {
  const as = `system:serviceaccount:foreman-system:${account}`
  const said = await kubectl("auth", "can-i", "--list", "--no-headers", `--as=${as}`, "-n", namespace)
  return Array.from(said.matchAll(/^(\S+) +\[\] +(\[.*?\]) +(\[.*\])$/gmu), ([, resource, names, verbs]) =>
    [resource, names === "[]" ? [] : names, verbs].flat().join(" ")
  )
    .filter((line) => !line.startsWith("selfsubject"))
    .toSorted()
}

describe("the accounts of the chart", () => {
  it("may do what the golden list says and no more", async () => {
    const parts: Array<string> = []
    for (const account of accounts) {
      for (const namespace of namespaces) {
        parts.push(
          `${account} in ${namespace}`,
          ...(await rights(account, namespace)).map((line) => `  ${line}`)
        )
      }
    }
    await expect(`${parts.join("\n")}\n`).toMatchFileSnapshot("golden/rights.golden")
  })

  it("an agent's pod reads no Secret that it was not given", async () => {
    const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "not-for-agents" } }
    for (const namespace of ["default", "foreman-system"]) {
      await create({ ...secret, metadata: { ...secret.metadata, namespace } })
    }
    const program = `
      const { readFileSync } = require("node:fs")
      const account = "/var/run/secrets/kubernetes.io/serviceaccount/"
      const read = (name) => readFileSync(account + name, "utf8").trim()
      const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env
      const headers = { authorization: "Bearer " + read("token") }
      for (const path of JSON.parse(process.argv[1])) {
        require("node:https").get({ host, port, path, ca: read("ca.crt"), headers }, (response) =>
          console.log(response.resume().statusCode + " " + path)
        )
      }`
    const paths = [
      "/api/v1/secrets",
      "/api/v1/namespaces/default/secrets/not-for-agents",
      "/api/v1/namespaces/foreman-system/secrets",
      "/api/v1/namespaces/foreman-system/secrets/foreman-git-credentials",
      "/api/v1/namespaces/foreman-system/secrets/not-for-agents"
    ]
    const stdout = await kubectl(
      "exec",
      "--namespace=foreman-system",
      "deploy/foreman-agent",
      "--",
      "node",
      "-e",
      program,
      JSON.stringify(paths)
    )
    expect(stdout.trim().split("\n").toSorted()).toEqual(paths.map((path) => `403 ${path}`).toSorted())
  })

  it("write no approval, and a person writes one in no other name", async () => {
    const name = "approvals-by-whom"
    await create({
      apiVersion: "foreman.llmkube.dev/v1alpha1",
      kind: "AgenticTask",
      metadata: { name, namespace: "default" },
      spec: { kind: "verify", payload: {}, dependsOn: ["nothing-that-is-there"] }
    })
    const me = await kubectl("auth", "whoami", "--output=jsonpath={.status.userInfo.username}")
    const operator = "system:serviceaccount:foreman-system:foreman-operator"
    const approve = async (by: string, ...flags: ReadonlyArray<string>) => {
      const approval = { rule: "weakened", path: "a", commit: "a".repeat(40), reason: "right", by }
      const patch = JSON.stringify({ spec: { approvals: [approval] } })
      return kubectl("patch", "agentictask", name, "--type=merge", `--patch=${patch}`, ...flags).then(
        () => "taken",
        (error: unknown) => /spec\.approvals: .*/u.exec(String(error))?.[0] ?? String(error)
      )
    }
    // A policy is in force some seconds after it was made.
    for (
      let tries = 0;
      tries < 30 && (await approve("somebody else", "--dry-run=server")) === "taken";
      tries++
    ) {
      await new Promise((resolve) => setTimeout(resolve, 1_000))
    }
    expect([
      await approve("somebody else"),
      await approve(operator, `--as=${operator}`),
      await approve(me),
      await kubectl("label", "agentictask", name, "a=b", `--as=${operator}`).then(() => "taken")
    ]).toEqual([
      `spec.approvals: by must be ${me}, who writes it`,
      `spec.approvals: ${operator} may not approve`,
      "taken",
      "taken"
    ])
  })
})
