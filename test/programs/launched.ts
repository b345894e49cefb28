/** A program for launch.test.ts to run: it does what its first argument says. */
import { Effect } from "effect"

import { KubeConfigError } from "../../layers/kube/KubeConfig.ts"
import * as Flags from "../../programs/goFlags.ts"
import { flagsOrExit, launch } from "../../programs/launch.ts"
import { KubeError, Unavailable } from "../../src/services/KubeClient.ts"

const [what, ...rest] = process.argv.slice(2)
const hasPlainExitCodes = rest.includes("plain")

const endless = (finalizer: Effect.Effect<void>) =>
  Effect.addFinalizer(() => finalizer).pipe(
    Effect.andThen(Effect.sync(() => process.stdout.write("up\n"))),
    Effect.andThen(Effect.never),
    Effect.scoped
  )

const programs: Readonly<Record<string, Effect.Effect<void, KubeConfigError | KubeError>>> = {
  succeed: Effect.void,
  misconfigured: Effect.fail(new KubeConfigError({ source: "config", message: "no cluster" })),
  unreachable: Effect.fail(
    new KubeError({ operation: "get pods n/p", reason: new Unavailable({ message: "down" }) })
  ),
  bug: Effect.die(new Error("a bug")),
  drain: endless(Effect.sync(() => process.stdout.write("drained\n"))),
  stuck: endless(Effect.never)
}

if (what === "flags") {
  const table = { slots: Flags.int(1, "Tasks at once") }
  const { values } = flagsOrExit({ name: "test", table, argv: rest, env: {} })
  process.stdout.write(`slots ${values.slots}\n`)
}

launch(programs[what ?? ""] ?? Effect.void, {
  name: "test",
  grace: "700 millis",
  hasPlainExitCodes,
  ...(rest.includes("unfinished") ? { interruptedExitCode: 130 } : {})
})
