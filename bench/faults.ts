/** What goes wrong in a soak, and when. */
import { exec } from "node:child_process"
import { type AddressInfo, createServer } from "node:net"
import { promisify } from "node:util"

import { Effect } from "effect"

import * as Cluster from "./cluster.ts"
import { type Supervised, keep } from "./supervised.ts"

/** Once in it everything has happened; a third of half an hour is three of them. */
export const cycleSeconds = 200

type Act = readonly [atSecond: number, what: string, act: Effect.Effect<void>]

const shell = (command: string): Effect.Effect<void> =>
  Effect.promise(() => promisify(exec)(command).then(() => undefined))

const freePort = Effect.callback<number>((resume) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const { port } = server.address() as AddressInfo
    server.close(() => resume(Effect.succeed(port)))
  })
})

/** The cluster, and how its API server is crashed and brought back; without the latter when nobody said how. */
export const openCluster = Effect.fnUntraced(function* (kubeconfig: string | undefined) {
  const folder = yield* Cluster.temporaryFolder
  if (kubeconfig !== undefined) {
    const cluster = yield* Cluster.openGiven(folder, kubeconfig)
    const down = process.env["FOREMAN_CLUSTER_SIGNAL"]
    const up = process.env["FOREMAN_CLUSTER_START"]
    const isCommanded = down !== undefined && up !== undefined
    const crash = isCommanded
      ? Effect.andThen(shell(`${down} apiserver KILL`), Effect.delay(shell(`${up} apiserver`), "2 seconds"))
      : undefined
    return { cluster, crash }
  }
  const port = yield* freePort
  const up = yield* keep("foreman up", Cluster.startEmbedded(folder, port))
  const { cluster } = yield* Cluster.connect(folder)
  return { cluster, crash: Effect.sync(() => up.signal("SIGKILL")) }
})

/** Every fault once, each at its second of the cycle. The operator dies in every third cycle only, so that its memory has time to grow. */
export const faults = (
  cycle: number,
  operator: Supervised,
  daemons: ReadonlyArray<Supervised>,
  crash: Effect.Effect<void> | undefined
): ReadonlyArray<Act> => {
  const victim = (offset: number): Supervised => {
    // The first is never touched: its memory is that of one long life.
    const found = daemons[1 + ((cycle + offset) % (daemons.length - 1))]
    if (found === undefined) throw new Error("a soak needs two daemons")
    return found
  }
  const freeze = (daemon: Supervised, seconds: number) =>
    Effect.sync(() => daemon.signal("SIGSTOP")).pipe(
      Effect.andThen(Effect.sleep(seconds * 1000)),
      Effect.andThen(Effect.sync(() => daemon.signal("SIGCONT")))
    )
  const leave = (daemon: Supervised, signal: NodeJS.Signals, seconds: number) =>
    Effect.sync(() => {
      daemon.stayDown(seconds * 1000)
      daemon.signal(signal)
    })
  return [
    [10, "a daemon is killed, and back in a second", leave(victim(0), "SIGKILL", 1)],
    [25, "a daemon is frozen for 5 s", freeze(victim(1), 5)],
    ...(crash === undefined ? [] : [[45, "the API server crashes", crash] as const]),
    [75, "a daemon leaves, and joins again after 20 s", leave(victim(2), "SIGTERM", 20)],
    ...(cycle % 3 === 1
      ? [[100, "the operator is killed", Effect.sync(() => operator.signal("SIGKILL"))] as const]
      : []),
    [110, "a daemon is frozen for 60 s, longer than its Lease", freeze(victim(3), 60)],
    [120, "a daemon is killed, and stays away for 55 s", leave(victim(4), "SIGKILL", 55)]
  ]
}
