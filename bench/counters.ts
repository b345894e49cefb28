/**
 * Loaded into a Foreman program before itself (`node --import`): counts its HTTP requests and bytes, and says so when the parent process
 * asks over the IPC channel. The program is the one that people run; nothing in it knows of this.
 */
import { subscribe } from "node:diagnostics_channel"
import { existsSync, readFileSync } from "node:fs"
import type { ClientRequest } from "node:http"
import type { Socket } from "node:net"

export interface Counters {
  /** By what was asked: `PATCH agentictasks/status`, `WATCH leases`. */
  readonly requests: Readonly<Record<string, number>>
  /** On the wire, both ways. */
  readonly bytes: number
  /** Of the process, user and system. */
  readonly cpuSeconds: number
  readonly rssMegabytes: number
  readonly peakMegabytes: number
}

const requests: Record<string, number> = {}
const sockets = new Set<Socket>()
let closedBytes = 0

const bytesOf = ({ bytesRead, bytesWritten }: Socket): number => bytesRead + bytesWritten

/** `/apis/foreman.llmkube.dev/v1alpha1/namespaces/default/agentictasks/t1/status?…` → `agentictasks/status`. */
const resourceOf = (path: string): string => {
  const parts = (path.split("?")[0] ?? "").split("/").filter((part) => part !== "")
  const below = parts.slice(parts[0] === "api" ? 2 : 3)
  const [plural = "", , subresource] = below[0] === "namespaces" && below.length > 2 ? below.slice(2) : below
  return subresource === undefined ? plural : `${plural}/${subresource}`
}

subscribe("http.client.request.start", (message) => {
  const { request } = message as { readonly request: ClientRequest }
  const verb = /[?&]watch=/u.test(request.path) ? "WATCH" : request.method
  const name = `${verb} ${resourceOf(request.path)}`
  requests[name] = (requests[name] ?? 0) + 1
  const socket = request.socket
  if (socket !== null) follow(socket)
  else request.once("socket", follow)
})

const follow = (socket: Socket): void => {
  if (sockets.has(socket)) return
  sockets.add(socket)
  socket.once("close", () => {
    sockets.delete(socket)
    closedBytes += bytesOf(socket)
  })
}

/** VmHWM where there is one: what `getrusage` says begins with what the bench itself had when it started the process. */
const peakKilobytes = (): number => {
  const path = "/proc/self/status"
  const status = existsSync(path) ? readFileSync(path, "utf8") : ""
  return Number(/VmHWM:\s+(\d+)/u.exec(status)?.[1] ?? process.resourceUsage().maxRSS)
}

const read = (): Counters => {
  const { system, user } = process.cpuUsage()
  return {
    requests: { ...requests },
    bytes: Array.from(sockets).reduce((sum, socket) => sum + bytesOf(socket), closedBytes),
    cpuSeconds: (user + system) / 1e6,
    rssMegabytes: process.memoryUsage.rss() / 2 ** 20,
    peakMegabytes: peakKilobytes() / 1024
  }
}

process.on("message", (message) => {
  if (message === "counters") process.send?.({ counters: read() })
})
// A bench that is killed takes its programs along.
process.once("disconnect", () => process.exit(1))
// Neither may keep a program alive that has ended.
process.channel?.unref()
