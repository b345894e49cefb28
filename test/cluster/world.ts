/** The cluster of KUBECONFIG with Foreman on it, seen with kubectl and helm. */
import { execFile, spawn } from "node:child_process"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"

import { inject } from "vitest"

import { git as gitIn, root } from "../e2e/foreman.ts"

const run = promisify(execFile)

/** With the test's helm and kubectl first, and what the runbooks leave to their reader. */
export const toolEnvironment = (): NodeJS.ProcessEnv => ({
  ...process.env,
  REPO_URL: inject("repoURL"),
  MODEL_URL: inject("modelURL"),
  PATH: `${join(inject("home"), "bin")}:${process.env["PATH"]}`
})

const options = () => ({ cwd: root, env: toolEnvironment(), maxBuffer: 64 * 1024 * 1024 })

/** A block of a runbook, as a person at the repository's root would run it. */
export const sh = async (block: string) => run("/bin/sh", ["-euc", block], options())

export const kubectl = async (...args: ReadonlyArray<string>): Promise<string> =>
  (await run("kubectl", args, options())).stdout
export const helm = async (...args: ReadonlyArray<string>): Promise<string> =>
  (await run("helm", args, options())).stdout
export const git = (...args: ReadonlyArray<string>): Promise<string> =>
  gitIn(join(inject("home"), "slug.git"), ...args)

/** A branch of the remote: main and `files` in one commit. */
export const pushBranch = async (
  branch: string,
  files: { readonly [path: string]: string }
): Promise<void> => {
  const work = join(inject("home"), "work")
  await gitIn(work, "checkout", "--quiet", "-B", branch, "main")
  for (const [path, text] of Object.entries(files)) await writeFile(join(work, path), text)
  await gitIn(work, "add", "--all")
  await gitIn(work, "commit", "--quiet", "--message=Change")
  await gitIn(work, "push", "--quiet", "--force", join(inject("home"), "slug.git"), branch)
  await gitIn(work, "checkout", "--quiet", "main")
}

export const getJson = async (...args: ReadonlyArray<string>): Promise<any> =>
  JSON.parse(await kubectl("get", ...args, "-o", "json"))

/** kubectl with `input` on its standard input; what it said on either output. */
export const kubectlWith = async (input: string, ...args: ReadonlyArray<string>) => {
  const child = spawn("kubectl", args, { ...options(), stdio: ["pipe", "pipe", "pipe"] })
  let stdout = ""
  let stderr = ""
  child.stdout.on("data", (chunk) => (stdout += chunk))
  child.stderr.on("data", (chunk) => (stderr += chunk))
  child.stdin.end(input)
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve))
  if (code !== 0) throw new Error(`kubectl ${args.join(" ")} ended with ${code}: ${stderr}`)
  return { stdout, stderr }
}

export const create = async (...items: ReadonlyArray<object>): Promise<void> => {
  await kubectlWith(items.map((item) => JSON.stringify(item)).join("\n---\n"), "apply", "-f", "-")
}

export const task = (name: string, spec: object) => ({
  apiVersion: "foreman.llmkube.dev/v1alpha1",
  kind: "AgenticTask",
  metadata: { name, namespace: "default" },
  spec
})

export const gateTask = (name: string, spec: object = {}) =>
  task(name, {
    kind: "verify",
    agentRef: { name: "gate" },
    payload: { repo: "acme/slug", branch: "main" },
    ...spec
  })

/** The task once it has a verdict. */
export const ended = async (name: string, seconds = 60): Promise<any> => {
  await kubectl("wait", `at/${name}`, "--for=jsonpath={.status.verdict}", `--timeout=${seconds}s`)
  return getJson("at", name)
}

/** Its Jobs and their pods outlive a task by a day, so a name alone would find those of an earlier one as well. */
export const selectorOf = async (name: string): Promise<string> =>
  `foreman.llmkube.dev/task-uid=${(await getJson("at", name)).metadata.uid}`

export const jobsOf = async (name: string, namespace = "foreman-system"): Promise<ReadonlyArray<any>> =>
  (await getJson("jobs", "-n", namespace, "-l", await selectorOf(name))).items

/** Asks until `look` has an answer. */
export const until = async <A>(
  what: string,
  look: () => Promise<A | undefined>,
  seconds = 30
): Promise<A> => {
  for (const end = Date.now() + seconds * 1000; Date.now() < end;) {
    const found = await look()
    if (found !== undefined) return found
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`waited ${seconds} s for ${what}`)
}

export const release = ["foreman", "charts/foreman", "--namespace", "foreman-system"] as const

/** What people would miss: every object of our kinds, and the claim with the caches. */
export const everything = async (): Promise<ReadonlySet<string>> => {
  const { items } = await getJson("agentictasks,agents,workloads,inferenceservices", "-A")
  const { metadata } = await getJson("pvc", "foreman-gate-cache", "-n", "foreman-system")
  return new Set([
    ...items.map((item: any) => `${item.kind} ${item.metadata.name} ${item.metadata.uid}`),
    metadata.uid
  ])
}

/** Takes Foreman away; its kinds and their objects stay. */
export const uninstall = (): Promise<string> =>
  helm("uninstall", "foreman", "--namespace=foreman-system", "--ignore-not-found", "--wait")

/** Foreman as the runbooks leave it, with the example agents; nothing happens where it is so already. */
export const install = (...more: ReadonlyArray<string>): Promise<void> =>
  installFrom("charts/foreman", ...more)

export const installFrom = async (chart: string, ...more: ReadonlyArray<string>): Promise<void> => {
  await helm(
    "upgrade",
    "--install",
    "foreman",
    chart,
    "--namespace=foreman-system",
    "--create-namespace",
    "--set=agent.mode=native",
    "--set=agent.roles={worker,verifier}",
    "--set=agent.accelerator=cuda",
    `--set=agent.gitRemoteURL=${inject("repoURL")}`,
    "--set=agent.commitAuthorEmail=foreman-bot@example.com",
    ...more,
    "--wait",
    "--timeout=3m"
  )
  const kind = "inferenceservices.inference.llmkube.dev"
  await sh(`kubectl get crd ${kind} || kubectl apply -f crds/llmkube`)
  await kubectl("wait", `crd/${kind}`, "--for=condition=Established", "--timeout=30s")
  await kubectl("apply", "-f", "examples/agents", "-f", "examples/inference-services.yaml")
  const status = JSON.stringify({ status: { endpoint: `${inject("modelURL")}/chat/completions` } })
  await kubectl(
    "patch",
    "isvc",
    "coder-model",
    "reviewer-model",
    "--subresource=status",
    "--type=merge",
    "-p",
    status
  )
}
