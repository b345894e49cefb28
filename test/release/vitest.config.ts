import { defineConfig } from "vitest/config"

// These tests build the bundle and compress Node, which is too slow for `npm test`; so they are named *.release.ts.
export default defineConfig({
  test: {
    include: ["test/release/**/*.release.ts"],
    testTimeout: 120_000,
    hookTimeout: 180_000
  }
})
