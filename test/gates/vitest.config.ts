import { defineConfig } from "vitest/config"

import common from "../../vitest.config.ts"

// Whole gates and programs that start many processes: too slow for `npm test`. They lie beside the others and are named *.gates.ts.
export default defineConfig({
  test: { ...common.test, include: ["test/**/*.gates.ts"], testTimeout: 60_000, hookTimeout: 60_000 }
})
