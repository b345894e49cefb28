import { defineConfig } from "vitest/config"

import common from "../../vitest.config.ts"

// A real model server reads some 20 tokens a second here: the files take turns, and each test has minutes.
export default defineConfig({
  test: {
    ...common.test,
    include: ["test/model/**/*.model.ts"],
    fileParallelism: false,
    testTimeout: 900_000,
    hookTimeout: 300_000
  }
})
