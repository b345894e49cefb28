import { availableParallelism } from "node:os"
import { join } from "node:path"

import { defineConfig } from "vitest/config"

// Programs that tests start take their source compiled: each start costs half a second of a core without.
process.env["NODE_COMPILE_CACHE"] ??= join(import.meta.dirname, "node_modules", ".cache", "compiled")

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    // Much of the time goes to processes that tests wait for: with one worker more than there are cores, these have something to do.
    maxWorkers: availableParallelism() + 1,
    // No test changes what another could see (no mocked modules, no globals), so modules are loaded once a worker, not once a file.
    isolate: false
  }
})
