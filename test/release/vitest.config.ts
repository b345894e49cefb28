import { defineConfig } from "vitest/config"

// These build the bundle and compress Node, so `npm test` leaves them out: they are named *.release.ts.
export default defineConfig({
  test: {
    include: ["test/release/**/*.release.ts"],
    testTimeout: 60_000,
    hookTimeout: 180_000
  }
})
