import { defineConfig } from "vitest/config"

// What needs a real Kubernetes is named *.cluster.ts, so that `npm test` never looks at it.
export default defineConfig({
  test: { include: ["test/cluster/**/*.cluster.ts"], testTimeout: 60_000, hookTimeout: 60_000 }
})
