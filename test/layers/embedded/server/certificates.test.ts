import { X509Certificate } from "node:crypto"
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { connect, createServer } from "node:tls"

import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { TestClock } from "effect/testing"

import { type Certificates, load } from "../../../../layers/embedded/server/Certificates.ts"
import type { DataFolder } from "../../../../layers/embedded/DataFolder.ts"
import * as Kubeconfig from "../../../../layers/embedded/server/Kubeconfig.ts"

const folder = Effect.acquireRelease(
  Effect.sync((): DataFolder => {
    const path = mkdtempSync(join(tmpdir(), "foreman-tls-"))
    return { path, file: (...segments) => join(path, ...segments) }
  }),
  ({ path }) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

const secrets = (certificates: Certificates) => ({
  ...certificates,
  key: Redacted.value(certificates.key),
  token: Redacted.value(certificates.token),
  ownToken: Redacted.value(certificates.ownToken)
})

/** A TLS handshake that checks name and chain. */
const handshake = (certificates: Certificates, servername: string) =>
  Effect.callback<string | undefined>((resume) => {
    const server = createServer({ cert: certificates.certificate, key: Redacted.value(certificates.key) })
    server.on("tlsClientError", () => {})
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      const done = (error?: Error) => {
        server.close()
        resume(Effect.succeed(error?.message))
      }
      const socket = connect({ port, host: "127.0.0.1", ca: certificates.ca, servername }, () => {
        socket.destroy()
        done()
      })
      socket.on("error", done)
    })
  })

const day = 86_400_000

describe("Certificates", () => {
  it.effect("are trusted under the loopback names and no other", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.now())
      const certificates = yield* load(yield* folder)
      assert.isUndefined(yield* handshake(certificates, ""))
      assert.isUndefined(yield* handshake(certificates, "localhost"))
      assert.include(yield* handshake(certificates, "foreman.example"), "does not match")
      const { subjectAltName } = new X509Certificate(certificates.certificate)
      assert.strictEqual(subjectAltName, "DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1")
    })
  )

  it.effect("are private and the same at the next start", () =>
    Effect.gen(function* () {
      const data = yield* folder
      const first = yield* load(data)
      assert.deepStrictEqual(secrets(yield* load(data)), secrets(first))
      assert.notStrictEqual(Redacted.value(first.ownToken), Redacted.value(first.token))
      for (const name of ["ca.pem", "server.pem", "token", "own-token"]) {
        assert.strictEqual(statSync(data.file("tls", name)).mode & 0o777, 0o600, name)
      }
    })
  )

  it.effect("renew the server's certificate a month before its end, under the same CA and token", () =>
    Effect.gen(function* () {
      const data = yield* folder
      const first = yield* load(data)
      yield* TestClock.adjust(334 * day)
      assert.strictEqual((yield* load(data)).certificate, first.certificate)
      yield* TestClock.adjust(2 * day)
      const renewed = yield* load(data)
      assert.notStrictEqual(renewed.certificate, first.certificate)
      assert.deepStrictEqual(
        [renewed.ca, Redacted.value(renewed.token)],
        [first.ca, Redacted.value(first.token)]
      )
    })
  )

  it.effect("are made anew when a file was cut off, and then fit one another", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.now())
      const data = yield* folder
      const first = yield* load(data)
      truncateSync(data.file("tls", "ca.pem"), 300)
      truncateSync(data.file("tls", "token"), 0)
      const second = yield* load(data)
      assert.notStrictEqual(second.ca, first.ca)
      assert.isUndefined(yield* handshake(second, "localhost"))
      assert.match(Redacted.value(second.token), /^[0-9a-f]{64}$/u)
    })
  )
})

describe("Kubeconfig", () => {
  it.effect("is written over our own, and never over somebody else's", () =>
    Effect.gen(function* () {
      const data = yield* folder
      const certificates = yield* load(data)
      const ours = data.file("kubeconfig")
      yield* Kubeconfig.write(ours, "https://127.0.0.1:1", certificates)
      yield* Kubeconfig.write(ours, "https://127.0.0.1:2", certificates)
      assert.include(readFileSync(ours, "utf8"), "server: https://127.0.0.1:2\n")
      assert.strictEqual(statSync(ours).mode & 0o777, 0o600)

      const theirs = data.file("theirs")
      const content =
        "apiVersion: v1\nclusters:\n- cluster:\n    server: https://prod\n  name: prod\nkind: Config\n"
      writeFileSync(theirs, content)
      const refused = yield* Effect.flip(Kubeconfig.write(theirs, "https://127.0.0.1:3", certificates))
      assert.strictEqual(
        refused.message,
        `kubeconfig ${theirs}: it names clusters that foreman did not write: choose another file with --kubeconfig`
      )
      assert.strictEqual(readFileSync(theirs, "utf8"), content)
    })
  )
})
