import { availableParallelism } from "node:os"
import { join } from "node:path"

import { defineConfig } from "vitest/config"
import { BaseSequencer, type TestSpecification } from "vitest/node"

// Programs that tests start take their source compiled: each start costs half a second of a core without.
process.env["NODE_COMPILE_CACHE"] ??= join(import.meta.dirname, "node_modules", ".cache", "compiled")
// Repositories without samples of hooks: two dozen files each, in hundreds of them.
process.env["GIT_TEMPLATE_DIR"] ??= ""

/** They leave their worker large, and the larger a process, the longer it takes to start another from it: they come last. */
const large = ["gate/weakened", "decide/scheduleLaws", "simulate/simulate"].map((name) =>
  join(import.meta.dirname, "test", `${name}.test.ts`)
)

class LargeOnesLast extends BaseSequencer {
  override async sort(files: Array<TestSpecification>): Promise<Array<TestSpecification>> {
    const sorted = await super.sort(files)
    const isLarge = ({ moduleId }: TestSpecification) => large.includes(moduleId)
    return [...sorted.filter((file) => !isLarge(file)), ...sorted.filter(isLarge)]
  }
}

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    sequence: { sequencer: LargeOnesLast },
    // Much of the time goes to processes that tests wait for: with one worker more than there are cores, these have something to do.
    maxWorkers: availableParallelism() + 1,
    // No test changes what another could see (no mocked modules, no globals), so modules are loaded once a worker, not once a file.
    isolate: false
  }
})
