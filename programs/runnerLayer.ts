/** All that an executor works with on this host, once the flags have spoken. */
import { Layer } from "effect"

import { isConfining } from "../layers/confinedShell.ts"
import * as LiveCodingAgent from "../layers/acp/LiveCodingAgent.ts"
import * as ChatCompletionsClient from "../layers/ChatCompletionsClient.ts"
import * as FileJournal from "../layers/FileJournal.ts"
import * as FileRunRecord from "../layers/FileRunRecord.ts"
import * as GitCliWorkspace from "../layers/GitCliWorkspace.ts"
import type { MirrorOptions } from "../layers/git/mirror.ts"
import * as GateAnalysis from "../layers/GateAnalysis.ts"
import * as GithubIssueTracker from "../layers/GithubIssueTracker.ts"
import * as HostWorkspaceTools from "../layers/HostWorkspaceTools.ts"
import * as KubeJobRunner from "../layers/kube/KubeJobRunner.ts"
import * as ServerContextWindow from "../layers/ServerContextWindow.ts"
import { RunnerConfig } from "../src/executors/Executor.ts"

export const runnerLayer = (config: RunnerConfig["Service"], mirrors: MirrorOptions | undefined) =>
  Layer.mergeAll(
    Layer.succeed(RunnerConfig, config),
    FileRunRecord.layer(config.workspaceRoot),
    FileJournal.layer(config.workspaceRoot),
    mirrors === undefined
      ? GitCliWorkspace.layer
      : GitCliWorkspace.layerWith({ ...mirrors, isReadOnlyForCommands: isConfining }),
    GateAnalysis.layer,
    HostWorkspaceTools.layerHost,
    LiveCodingAgent.layer,
    GithubIssueTracker.layer({ token: config.gitToken }),
    ChatCompletionsClient.layer,
    ServerContextWindow.layer,
    KubeJobRunner.layer
  )
