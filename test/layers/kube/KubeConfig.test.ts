import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import * as KubeConfig from "../../../layers/kube/KubeConfig.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "kubeconfig-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

const base64 = (text: string) => Buffer.from(text).toString("base64")

/** A kubeconfig with two contexts; `user` and `cluster` are YAML lines of the first. */
const yaml = (user: string, cluster = "", context = "") => `
apiVersion: v1
kind: Config
current-context: one
clusters:
- name: c
  cluster: {server: "https://10.0.0.1:6443"${cluster}}
contexts:
- name: one
  context: {cluster: c, user: u${context}}
- name: two
  context: {cluster: c, user: u, namespace: second}
- name: broken
  context: {cluster: nowhere, user: u}
users:
- name: u
  user: {${user}}
`

const written = Effect.fnUntraced(function* (text: string, options: KubeConfig.Options = {}) {
  const at = yield* folder
  const kubeconfig = join(at, "config")
  writeFileSync(kubeconfig, text)
  writeFileSync(join(at, "token"), "from-file\n")
  writeFileSync(join(at, "ca.crt"), "CA")
  return yield* KubeConfig.load({ kubeconfig, env: {}, ...options })
})

const headerOf = (config: KubeConfig.KubeConfig) =>
  Effect.map(config.authorization, (header) => header && Redacted.value(header))

describe("KubeConfig from a file", () => {
  const users: ReadonlyArray<readonly [string, string | undefined]> = [
    ["token: abc", "Bearer abc"],
    ["tokenFile: token", "Bearer from-file"],
    ["token: old, tokenFile: token", "Bearer from-file"],
    ["username: me, password: secret", `Basic ${base64("me:secret")}`],
    [`client-certificate-data: ${base64("CERT")}, client-key-data: ${base64("KEY")}`, undefined]
  ]
  it.effect.each(users)("a user with %s", ([user, header]) =>
    Effect.gen(function* () {
      const config = yield* written(yaml(user))
      assert.strictEqual(yield* headerOf(config), header)
    })
  )

  it.effect("takes certificates, names and places as they are written", () =>
    Effect.gen(function* () {
      const client = `client-certificate-data: ${base64("CERT")}, client-key-data: ${base64("KEY")}`
      const config = yield* written(
        yaml(client, `, certificate-authority: ca.crt, tls-server-name: api, insecure-skip-tls-verify: true`)
      )
      assert.deepStrictEqual(
        { ...config, authorization: null, key: config.tls.client && Redacted.value(config.tls.client.key) },
        {
          server: "https://10.0.0.1:6443",
          namespace: "default",
          tls: {
            ca: "CA",
            serverName: "api",
            insecureSkipVerify: true,
            client: { certificate: "CERT", key: config.tls.client?.key ?? Redacted.make("") }
          },
          authorization: null,
          key: "KEY"
        }
      )
    })
  )

  it.effect("another context is taken when asked for", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* written(yaml("token: x"), { context: "two" })).namespace, "second")
    })
  )

  it.effect("logs in with the command of an exec user", () =>
    Effect.gen(function* () {
      const credential = {
        apiVersion: "client.authentication.k8s.io/v1",
        kind: "ExecCredential",
        status: { token: "t1" }
      }
      const config = yield* written(
        yaml(
          `exec: {apiVersion: client.authentication.k8s.io/v1, command: /bin/echo, args: ['${JSON.stringify(credential)}'], interactiveMode: Never}`
        )
      )
      assert.strictEqual(yield* headerOf(config), "Bearer t1")
    })
  )

  const mistakes: ReadonlyArray<readonly [string, string, KubeConfig.Options, RegExp]> = [
    ["text that is no YAML", "a: [", {}, /not YAML/u],
    ["a file of another kind", "clusters: 3", {}, /not a kubeconfig: .*\["clusters"\]/su],
    ["no context", "kind: Config", {}, /no current-context: pass --kube-context, one of: none/u],
    ["an unknown context", yaml("token: x"), { context: "x" }, /no context "x", only: one, two, broken/u],
    ["an unknown cluster", yaml("token: x"), { context: "broken" }, /names cluster "nowhere"/u],
    ["half a certificate", yaml(`client-key-data: ${base64("K")}`), {}, /needs both/u],
    ["a proxy", yaml("token: x", ", proxy-url: http://p"), {}, /proxy-url is not supported/u],
    [
      "a missing file",
      yaml("token: x", ", certificate-authority: gone.crt"),
      {},
      /certificate-authority: cannot read .*gone\.crt/u
    ],
    [
      "a failing exec command",
      yaml("exec: {apiVersion: v1, command: /bin/false}"),
      {},
      /the exec of this user failed/u
    ]
  ]
  it.effect.each(mistakes)("%s is a mistake with a name", ([, text, options, message]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(written(text, options))
      assert.strictEqual(error._tag, "KubeConfigError")
      assert.match(error.message, message)
      assert.include(error.message, "config")
    })
  )
})

describe("KubeConfig looks in the order of client-go", () => {
  const place = Effect.gen(function* () {
    const at = yield* folder
    const file = (name: string, token: string) => {
      writeFileSync(join(at, name), yaml(`token: ${token}`))
      return join(at, name)
    }
    mkdirSync(join(at, ".kube"))
    mkdirSync(join(at, "pod"))
    file(".kube/config", "home")
    for (const [name, text] of Object.entries({ token: "pod\n", "ca.crt": "PEM", namespace: "ns\n" })) {
      writeFileSync(join(at, "pod", name), text)
    }
    const pod = { KUBERNETES_SERVICE_HOST: "fd00::1", KUBERNETES_SERVICE_PORT: "443" }
    const base = { home: at, serviceAccount: join(at, "pod") }
    return { at, base, flag: file("flag", "flag"), listed: file("listed", "listed"), pod }
  })

  it.effect("flag, KUBECONFIG, pod, home", () =>
    Effect.gen(function* () {
      const { base, flag, listed, pod } = yield* place
      const env = { ...pod, KUBECONFIG: `/nonexistent/a:${listed}` }
      const headers = yield* Effect.forEach(
        [
          { ...base, env, kubeconfig: flag },
          { ...base, env, kubeconfig: "" },
          { ...base, env: pod },
          { ...base, env: {} }
        ],
        (options) => Effect.flatMap(KubeConfig.load(options), headerOf)
      )
      assert.deepStrictEqual(headers, ["Bearer flag", "Bearer listed", "Bearer pod", "Bearer home"])
      const config = yield* KubeConfig.load({ ...base, env: pod })
      assert.deepStrictEqual(
        [config.server, config.namespace, config.tls.ca],
        ["https://[fd00::1]:443", "ns", "PEM"]
      )
    })
  )

  it.effect("a pod's token is read anew when it rotates, and an empty one is a mistake", () =>
    Effect.gen(function* () {
      const { at, base, pod } = yield* place
      const config = yield* KubeConfig.load({ ...base, env: pod })
      writeFileSync(join(at, "pod", "token"), "rotated")
      assert.strictEqual(yield* headerOf(config), "Bearer rotated")
      writeFileSync(join(at, "pod", "token"), "")
      assert.match((yield* Effect.flip(config.authorization)).message, /token is empty/u)
    })
  )

  it.effect("says what to do when there is nothing, or only a name of nothing", () =>
    Effect.gen(function* () {
      const none = yield* Effect.flip(KubeConfig.load({ home: "/nonexistent", env: {} }))
      assert.match(none.message, /pass --kubeconfig, set KUBECONFIG/u)
      const wrong = yield* Effect.flip(KubeConfig.load({ env: { KUBECONFIG: "/nonexistent/a" } }))
      assert.match(wrong.message, /KUBECONFIG names \/nonexistent\/a, which does not exist/u)
    })
  )
})
