/** All that an executor works with on this host, once the flags have spoken. */
import { Layer } from "effect"

import * as ChatCompletionsClient from "../layers/ChatCompletionsClient.ts"
import * as FileRunRecord from "../layers/FileRunRecord.ts"
import * as GitCliWorkspace from "../layers/GitCliWorkspace.ts"
import * as GithubIssueTracker from "../layers/GithubIssueTracker.ts"
import * as HostWorkspaceTools from "../layers/HostWorkspaceTools.ts"
import * as KubeJobRunner from "../layers/kube/KubeJobRunner.ts"
import { RunnerConfig } from "../src/executors/Executor.ts"

export const runnerLayer = (config: RunnerConfig["Service"]) =>
  Layer.mergeAll(
    Layer.succeed(RunnerConfig, config),
    FileRunRecord.layer(config.workspaceRoot),
    GitCliWorkspace.layer,
    HostWorkspaceTools.layerHost,
    GithubIssueTracker.layer({ token: config.gitToken }),
    ChatCompletionsClient.layer,
    KubeJobRunner.layer
  )
