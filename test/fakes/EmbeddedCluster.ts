/** A whole embedded API server on a free port, in memory, with a kubeconfig in a folder of its own. Needs the live clock. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { Context, Effect, Layer, Stream } from "effect"

import { Apiserver, type JsonObject } from "../../layers/embedded/Apiserver.ts"
import * as Certificates from "../../layers/embedded/server/Certificates.ts"
import type { DataFolder } from "../../layers/embedded/DataFolder.ts"
import * as EmbeddedApiserver from "../../layers/embedded/apiserver/EmbeddedApiserver.ts"
import * as Kubeconfig from "../../layers/embedded/server/Kubeconfig.ts"
import { PodLogs } from "../../layers/embedded/PodLogs.ts"
import * as Server from "../../layers/embedded/server/Server.ts"
import { foremanResources, inferenceResources, toCrd } from "../../schema/Crd.ts"

export class EmbeddedCluster extends Context.Service<
  EmbeddedCluster,
  {
    readonly url: string
    readonly port: number
    readonly kubeconfig: string
    readonly folder: DataFolder
    readonly certificates: Certificates.Certificates
    /** Forgets the log: watches from before now are Gone. */
    readonly expire: Effect.Effect<void>
  }
>()("foreman/test/EmbeddedCluster") {}

/** Every pod says the same; with `follow`, one line more after a moment. */
const logs = Layer.succeed(
  PodLogs,
  PodLogs.of({
    open: ({ name }, { follow, tailLines }) =>
      Effect.succeed(
        Stream.make(`first line of ${name}\n`, `second line of ${name}\n`).pipe(
          Stream.drop(2 - (tailLines ?? 2)),
          Stream.concat(
            follow === true
              ? Stream.fromEffect(Effect.as(Effect.sleep("100 millis"), "followed line\n"))
              : Stream.empty
          ),
          Stream.encodeText
        )
      )
  })
)

export const temporaryFolder = Effect.acquireRelease(
  Effect.sync((): DataFolder => {
    const path = mkdtempSync(join(tmpdir(), "foreman embedded-"))
    return { path, file: (...segments) => join(path, ...segments) }
  }),
  ({ path }) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

const core = EmbeddedApiserver.make({
  path: ":memory:",
  customResources: [...foremanResources, ...inferenceResources].map(
    (resource) => toCrd(resource) as JsonObject
  )
})

/** What a server needs below it. */
export const apiserver = Layer.merge(
  Layer.effect(
    Apiserver,
    Effect.map(core, ({ apiserver }) => apiserver)
  ),
  logs
)

export const layer = Layer.effect(
  EmbeddedCluster,
  Effect.gen(function* () {
    const folder = yield* temporaryFolder
    const certificates = yield* Certificates.load(folder)
    const routes = {
      "/metrics": Effect.succeed({ contentType: "text/plain; version=0.0.4", body: "up 1\n" })
    }
    const { apiserver, compact } = yield* core
    const below = Layer.merge(Layer.succeed(Apiserver, apiserver), logs)
    const context = yield* Layer.build(
      Server.layer({ port: 0, certificates, routes }).pipe(Layer.provide(below))
    )
    const { port, url } = Context.get(context, Server.Endpoint)
    const kubeconfig = folder.file("kubeconfig")
    yield* Kubeconfig.write(kubeconfig, url, certificates)
    return EmbeddedCluster.of({ url, port, kubeconfig, folder, certificates, expire: compact })
  })
)
