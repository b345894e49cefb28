/** What a run has made of its checkout, as a word that changes with it: commands edit files, too. */
import { Duration, Effect } from "effect"

import { clean } from "../loop/Progress.ts"
import { WorkspaceTools } from "../services/WorkspaceTools.ts"

const timeout = Duration.seconds(10)

/** Sums of what differs from the base, in and beside it. By the model's own shell: git may run what the checkout names. */
const command = (baseCommit: string): string =>
  `if git --no-optional-locks diff --quiet --no-ext-diff ${baseCommit} && [ -z "$(git ls-files -o --exclude-standard)" ]; then echo ${clean}; else
git --no-optional-locks diff --no-ext-diff ${baseCommit} | cksum; git ls-files -o -z --exclude-standard | xargs -0 cksum 2>/dev/null | cksum; fi`

/** `clean` while nothing differs, and empty when it cannot be told. */
export const treeState = (baseCommit: string): Effect.Effect<string, never, WorkspaceTools> =>
  Effect.gen(function* () {
    const { runCommand } = yield* WorkspaceTools
    const { exitCode, stdout } = yield* runCommand(command(baseCommit), { timeout, maxBytes: 4096 })
    return exitCode === 0 ? stdout.trim() : ""
  }).pipe(Effect.orElseSucceed(() => ""))
