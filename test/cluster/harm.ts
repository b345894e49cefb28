/**
 * How to harm a part of the cluster is the cluster's own affair: FOREMAN_CLUSTER_SIGNAL is a command that takes the name of a part
 * (apiserver, kubelet) and a signal (KILL, STOP, CONT), FOREMAN_CLUSTER_START one that takes the name and starts it again.
 */
import { sh } from "./world.ts"

const commands = {
  signal: process.env["FOREMAN_CLUSTER_SIGNAL"],
  start: process.env["FOREMAN_CLUSTER_START"]
}

export type Part = "apiserver" | "kubelet"

/** Why tests that harm the cluster are skipped, if they are. */
export const cannotHarm: string | undefined =
  commands.signal === undefined || commands.start === undefined
    ? "skipped where FOREMAN_CLUSTER_SIGNAL and FOREMAN_CLUSTER_START do not say how to harm a part"
    : undefined

export const signal = (part: Part, name: "KILL" | "STOP" | "CONT") => sh(`${commands.signal} ${part} ${name}`)

export const start = (part: Part) => sh(`${commands.start} ${part}`)

export const sleep = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000))
