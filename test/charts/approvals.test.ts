/** Who may approve in a cluster: what the policy of the chart refuses. The expressions themselves run in `test/cluster`. */
import { assert, describe, it } from "@effect/vitest"

import { agenticTasks } from "../../schema/AgenticTask.ts"
import { Approval } from "../../schema/Approval.ts"
import { found, helm, chart, render } from "./helm.ts"
import { releases } from "./releases.ts"

const policyOf = (release: Parameters<typeof render>[0]) =>
  render(release).find(({ kind }) => kind === "ValidatingAdmissionPolicy")
const noCRDs = { crds: { install: false } }
const refusedBy = (release: Parameters<typeof render>[0]): ReadonlyArray<string> => {
  const [first] = policyOf(release)?.spec.validations ?? []
  return JSON.parse(/ in (\[.*\])\)$/u.exec(first?.expression ?? "")?.[1] ?? "[]")
}

describe.skipIf("missing" in found)("the policy for approvals", () => {
  it("refuses the accounts of the operator, of every agent and of coders, and the users that a person adds", () => {
    assert.deepStrictEqual(refusedBy({ values: { ...noCRDs, approvals: { refusedUsers: ["mac-mini"] } } }), [
      "mac-mini",
      "system:serviceaccount:foreman-system:foreman-agent",
      "system:serviceaccount:foreman-system:foreman-coder",
      "system:serviceaccount:foreman-system:foreman-operator"
    ])
  })

  it("knows every account that the chart makes, in its namespace, but that of helm test", () => {
    const made = render(releases["pools"])
      .filter(({ kind, metadata }) => kind === "ServiceAccount" && !metadata.name.endsWith("-test"))
      .map(({ metadata }) => `system:serviceaccount:${metadata.namespace}:${metadata.name}`)
    assert.deepStrictEqual(refusedBy(releases["pools"]), made.toSorted())
  })

  it("compares an approval by all of its fields, and is for tasks and in force", () => {
    const policy = policyOf({ values: noCRDs })
    const added: string = policy?.spec.variables[1].expression
    assert.deepStrictEqual(
      Array.from(added.matchAll(/b\.(\w+) == a\.(\w+)/gu), ([, b, a]) =>
        a === b ? a : `${b}/${a}`
      ).toSorted(),
      Object.keys(Approval.fields).toSorted()
    )
    const rule = policy?.spec.matchConstraints.resourceRules[0]
    assert.deepStrictEqual(
      [rule.apiGroups, rule.resources, rule.operations],
      [[agenticTasks.group], [agenticTasks.plural], ["CREATE", "UPDATE"]]
    )
    const binding = render({ values: noCRDs }).find(({ kind }) => kind === "ValidatingAdmissionPolicyBinding")
    assert.deepStrictEqual(
      [binding?.spec.policyName, binding?.spec.validationActions],
      [policy?.metadata.name, ["Deny"]]
    )
  })

  it("is left out where a person says so, and where Kubernetes does not know the kind yet", () => {
    const old = helm("template", "foreman", chart, "--kube-version=1.29.4", "--set=crds.install=false")
    assert.deepStrictEqual([old.status, old.stdout.includes("ValidatingAdmissionPolicy")], [0, false])
    assert.isUndefined(policyOf({ values: { ...noCRDs, approvals: { enforce: false } } }))
  })

  it("stays in force for a release whose values are those of an older chart", () => {
    assert.isDefined(policyOf({ values: { ...noCRDs, approvals: null } }))
  })
})
