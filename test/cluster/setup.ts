/**
 * What pods need of the world outside: a git remote and a model, both on this host, and real helm and kubectl on the PATH. One of each for
 * all files.
 */
import { execFile, spawn, spawnSync } from "node:child_process"
import { createSocket } from "node:dgram"
import { once } from "node:events"
import { chmod, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { promisify } from "node:util"

import { Effect, Exit, Scope } from "effect"
import type { TestProject } from "vitest/node"

import { start as startScriptedModel } from "../../layers/scripted/ScriptedModelServer.ts"
import { found as helmFound } from "../charts/helm.ts"
import { makeRemote, root } from "../e2e/foreman.ts"
import { findKubectl } from "../findKubectl.ts"
import { makefile, scripts } from "./scripts.ts"
import { smallValues } from "./values.ts"

const run = promisify(execFile)

declare module "vitest" {
  export interface ProvidedContext {
    /** A folder with `bin` and the bare repository `slug.git`. */
    readonly home: string
    readonly repoURL: string
    readonly modelURL: string
  }
}

/** The host's address on its route to the cluster's first node, which pods reach as well. */
const addressForPods = async (kubectl: string): Promise<string> => {
  const said = process.env["FOREMAN_TEST_HOST"]
  if (said !== undefined) return said
  const jsonpath = `{.items[0].status.addresses[?(@.type=="InternalIP")].address}`
  const { stdout } = await run(kubectl, ["get", "nodes", "-o", `jsonpath=${jsonpath}`])
  // A control plane without a node has no pods either.
  if (stdout === "") return "127.0.0.1"
  const socket = createSocket("udp4")
  // Sends nothing: the kernel looks up the route.
  socket.connect(9, stdout)
  await once(socket, "connect")
  const { address } = socket.address()
  socket.close()
  return address
}

const freePort = async (host: string): Promise<number> => {
  const server = createServer().listen(0, host)
  await once(server, "listening")
  const address = server.address()
  server.close()
  if (address === null || typeof address === "string") throw new Error("a TCP server has a port")
  return address.port
}

const pathOf = (found: { readonly path: string } | { readonly missing: string }): string => {
  if ("missing" in found) throw new Error(found.missing)
  return found.path.includes("/")
    ? found.path
    : spawnSync("which", [found.path], { encoding: "utf8" }).stdout.trim()
}

/** kubectl as it is, and a helm that installs for a small machine what the runbooks install as they stand. */
const makeBin = async (home: string, kubectl: string): Promise<void> => {
  const bin = join(home, "bin")
  await mkdir(bin)
  await symlink(kubectl, join(bin, "kubectl"))
  await writeFile(join(home, "values.json"), JSON.stringify(smallValues))
  const values = join(home, "values.json")
  await writeFile(
    join(bin, "helm"),
    `#!/bin/sh\n[ "$1" = upgrade ] && set -- "$@" --values ${values}\nexec ${pathOf(helmFound)} "$@"\n`
  )
  await chmod(join(bin, "helm"), 0o755)
}

export default async (project: TestProject): Promise<() => Promise<void>> => {
  if (process.env["KUBECONFIG"] === undefined) throw new Error("test:cluster needs KUBECONFIG")
  const kubectl = pathOf(findKubectl("1.35"))
  const host = await addressForPods(kubectl)
  const home = await realpath(await mkdtemp(join(tmpdir(), "foreman-cluster-")))
  await makeBin(home, kubectl)
  await makeRemote(home, join(root, "examples", "demo", "repository"), {
    Makefile: makefile,
    "tools/none.js": "\n"
  })
  const port = await freePort(host)
  const daemon = spawn(
    "git",
    [
      "daemon",
      "--export-all",
      "--enable=receive-pack",
      `--listen=${host}`,
      `--port=${port}`,
      `--base-path=${home}`
    ],
    // A group of its own: git starts the daemon as a child of its own.
    { detached: true, stdio: "ignore" }
  )
  const scope = Scope.makeUnsafe()
  const model = await Effect.runPromise(startScriptedModel({ scripts, host }).pipe(Scope.provide(scope)))
  project.provide("home", home)
  project.provide("repoURL", `git://${host}:${port}/slug.git`)
  project.provide("modelURL", model.baseURL)
  process.env["PATH"] = `${join(home, "bin")}${delimiter}${process.env["PATH"]}`
  return async () => {
    await Effect.runPromise(Scope.close(scope, Exit.void))
    if (daemon.pid !== undefined) process.kill(-daemon.pid)
    const mismatches = await Effect.runPromise(model.mismatches)
    if (mismatches.length > 0)
      console.error(`the model was asked what no script foresees:\n${mismatches.join("\n")}`)
    await rm(home, { recursive: true, force: true })
  }
}
