/** `foreman gate --mcp`: an agent asks the gate before it claims that its work is done. Stdout carries the protocol and nothing else. */
import { Cause, Effect, Exit, Fiber, Layer, Schema, Semaphore } from "effect"
import { McpProtocol, McpSchema, McpServer, Tool, Toolkit } from "effect/ai"

import { staticHalf } from "../../layers/gate/staticHalf.ts"
import { GateAnswer, gateAnswer, StaticAnswer, staticAnswer } from "../../src/gate/report/answer.ts"
import { version } from "../version.ts"
import { find } from "./candidate.ts"
import { heading } from "./judgeOnce.ts"
import { judgeCandidate, type Limits } from "./judgeCandidate.ts"
import { tell } from "./output.ts"

export interface ServeOptions {
  /** For calls that name no repository. */
  readonly repo: string
  readonly limits: Limits
}

const parameters = Schema.Struct({
  repo: Schema.optionalKey(
    Schema.String.annotate({ description: "Work tree of the repository; the one of the server when absent" })
  ),
  base: Schema.optionalKey(
    Schema.String.annotate({
      description: "What the change is measured against; the default branch when absent"
    })
  ),
  head: Schema.optionalKey(
    Schema.String.annotate({ description: "Branch or commit to judge; HEAD when absent" })
  )
})

/** A wrong repository or commit, or a gate that could not begin. */
const NotJudged = Schema.Struct({ message: Schema.String })

const Gate = Tool.make("gate", {
  description:
    "Judges the committed change as the project's gate does: runs its checks in a clean clone, and looks for tests that were weakened or prove nothing. Takes as long as the checks. Only GATE-PASS means that the change may be built upon. Commit first: what is not committed is not judged.",
  parameters,
  success: GateAnswer,
  failure: NotJudged,
  failureMode: "return",
  dependencies: [McpSchema.McpRequestContext]
}).annotate(Tool.Destructive, false)

const GateStatic = Tool.make("gate_static", {
  description:
    "The part of the gate that runs nothing: weakened tests, protected files, documents. Takes a second or two. That it refuses nothing is no GATE-PASS.",
  parameters,
  success: StaticAnswer,
  failure: NotJudged,
  failureMode: "return"
})
  .annotate(Tool.Readonly, true)
  .annotate(Tool.Destructive, false)

const toolkit = Toolkit.make(Gate, GateStatic)

const ProgressToken = Schema.Union([Schema.String, Schema.Finite])
const decodeToken = Schema.decodeUnknownOption(Schema.Struct({ progressToken: ProgressToken }))

/** Stages of the log begin so: `=== test ===`. */
const stageForm = /^=== (.+) ===$/gmu

/** Tells the client which stage has begun, where it asked to be told. */
const progressTo = Effect.fnUntraced(function* (server: McpServer.McpServer["Service"]) {
  const { requestMetadata } = yield* McpSchema.McpRequestContext
  const context = yield* Effect.context<never>()
  const token = decodeToken(requestMetadata)
  let stages = 0
  return (text: Uint8Array | string) => {
    tell(text)
    if (token._tag === "None") return
    for (const [, message = ""] of Buffer.from(text).toString("utf8").matchAll(stageForm)) {
      const { progressToken } = token.value
      const notification = server.notifications["notifications/progress"]({
        progressToken,
        progress: ++stages,
        message
      })
      Effect.runForkWith(context)(Effect.ignore(notification))
    }
  }
})

const handlers = ({ limits, repo }: ServeOptions) =>
  toolkit.toLayer(
    Effect.gen(function* () {
      const server = yield* McpServer.McpServer
      // Two gates at once would take each other's processors, and share a cache.
      const turn = yield* Semaphore.make(1)
      const found = (given: typeof parameters.Type) =>
        find({ repo: given.repo ?? repo, base: given.base, head: given.head })
      return toolkit.of({
        gate: (given) =>
          Effect.gen(function* () {
            const candidate = yield* found(given)
            const print = yield* progressTo(server)
            tell(heading(candidate))
            const { envelope } = yield* turn.withPermit(judgeCandidate(candidate, limits, print))
            return gateAnswer(envelope, candidate.uncommitted)
          }).pipe(Effect.mapError(({ message }) => ({ message }))),
        gate_static: (given) =>
          Effect.gen(function* () {
            const candidate = yield* found(given)
            return staticAnswer(
              yield* staticHalf(candidate.root, candidate.base, candidate.commit),
              candidate
            )
          }).pipe(Effect.mapError(({ message }) => ({ message })))
      })
    })
  )

const instructions =
  "Commit your work, then call gate before you say that it is done. Mend what it names as error, and call it again. gate_static is a quick look in between."

/**
 * Until the client closes stdin, which ends what is under way: nobody waits for it any more. That is a clean end, unlike a signal. The
 * module alone would finish the requests that it has.
 */
export const serve = (options: ServeOptions) =>
  Effect.raceFirst(Effect.flatMap(Effect.forkChild(served(options)), Fiber.await), stdinEnds).pipe(
    Effect.flatMap((exit) =>
      Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause) ? Effect.asVoid(exit) : Effect.void
    )
  )

const stdinEnds = Effect.callback<Exit.Exit<void>>((resume) => {
  const end = () => resume(Effect.succeed(Exit.void))
  process.stdin.once("end", end)
  return Effect.sync(() => process.stdin.off("end", end))
})

const served = (options: ServeOptions) =>
  Layer.launch(
    McpServer.layerStdio({
      name: "foreman-gate",
      version,
      instructions,
      protocols: [
        McpProtocol.v2026_07_28,
        McpProtocol.v2025_11_25,
        McpProtocol.v2025_06_18,
        McpProtocol.v2025_03_26,
        McpProtocol.v2024_11_05
      ],
      registrations: McpServer.toolkit(toolkit).pipe(Layer.provide(handlers(options)))
    })
  )
