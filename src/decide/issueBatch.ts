/** Issues as steps: code, then verify, then one review for each reviewer (contract §2.5). */
import type { PipelineStep, WorkloadSpec } from "../../schema/Workload.ts"

/** The steps of one issue, in order. They are cut together or not at all. */
export interface IssueSteps {
  readonly issue: number
  readonly steps: ReadonlyArray<PipelineStep>
}

/** `undefined` without a coder: then nobody can do the work. An issue that is listed twice is done once. */
export const issueBatch = (workload: string, spec: WorkloadSpec): ReadonlyArray<IssueSteps> | undefined => {
  const coder = spec.coderAgentRef
  if (coder === undefined) return undefined
  return [...new Set(spec.issues ?? [])].map((issue) => {
    const payload = {
      ...(spec.repo === undefined ? {} : { repo: spec.repo }),
      issue,
      branch: `foreman/${workload}/issue-${issue}`,
      branchStrategy: "reset"
    } as const
    const code: PipelineStep = {
      name: `code-${issue}`,
      kind: "issue-fix",
      agentRef: coder,
      payload: {
        ...payload,
        promptPrefix: spec.intent,
        ...(spec.allowOverwrite === undefined ? {} : { allowOverwrite: spec.allowOverwrite })
      }
    }
    const verify: ReadonlyArray<PipelineStep> =
      spec.verifierAgentRef === undefined
        ? []
        : [
            {
              name: `verify-${issue}`,
              kind: "verify",
              agentRef: spec.verifierAgentRef,
              payload,
              dependsOn: [code.name]
            }
          ]
    const reviews = (spec.reviewerAgentRefs ?? []).map((agentRef, index): PipelineStep => ({
      name: `review-${issue}-${index}`,
      kind: "review",
      agentRef,
      payload: { ...payload, openPullRequest: spec.openPullRequest ?? true },
      dependsOn: [verify[0]?.name ?? code.name]
    }))
    return { issue, steps: [code, ...verify, ...reviews] }
  })
}
