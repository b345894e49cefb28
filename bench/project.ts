/** What a newcomer waits for: the demo and the tests, as they are typed. */
import { spawn } from "node:child_process"
import { resolve } from "node:path"

import type { Measured, Options, Row } from "./report.ts"

const root = resolve(import.meta.dirname, "..")

/** Seconds that the command took; what it said when it fails is the error. */
const timed = (script: string): Promise<number> =>
  new Promise((done, fail) => {
    const startedAt = performance.now()
    const child = spawn("npm", ["run", "--silent", script], { cwd: root, stdio: ["ignore", "pipe", "pipe"] })
    let tail = ""
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (piece: string) => {
        tail = (tail + piece).slice(-2_000)
      })
    }
    child.once("error", fail)
    child.once("close", (code) => {
      if (code === 0) done((performance.now() - startedAt) / 1000)
      else fail(new Error(`npm run ${script} ended with ${code}:\n${tail}`))
    })
  })

const row = async (script: string, atMost: number): Promise<Row> => ({
  measure: `\`npm run ${script}\`, dependencies being there`,
  figures: [{ name: "", value: await timed(script), unit: "s", atMost }],
  ceiling: "none known"
})

export const run = async ({ isQuick }: Options): Promise<Measured> => ({
  rows: isQuick ? [await row("demo", 30)] : [await row("demo", 30), await row("test", 120)]
})
