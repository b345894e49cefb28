/**
 * Runs an agent where there is no network but a loopback: a port of it leads to the gateway's socket, and nothing else leads anywhere. It is a
 * program of its own, since its network is not ours.
 */

/** A network of one's own has every port free. */
export const gatewayPort = 4141

const script = `
const net = require("node:net"), { spawn } = require("node:child_process")
const [socket, port, program, ...args] = process.argv.slice(1)
const fail = (code) => ({ message }) => { console.error(program + ": " + message); process.exit(code) }
const server = net.createServer((near) => {
  const far = net.connect(socket)
  near.pipe(far).pipe(near)
  for (const [one, other] of [[near, far], [far, near]]) {
    one.on("error", () => other.destroy())
    one.on("close", () => other.destroySoon())
  }
})
server.on("error", fail(125))
server.listen(Number(port), "127.0.0.1", () => {
  const child = spawn(program, args, { stdio: "inherit" })
  child.on("error", fail(127))
  child.on("exit", (code) => process.exit(code ?? 128))
})
`

/** The command line that runs the agent behind the forwarder. */
export const forwarded = (socket: string, command: ReadonlyArray<string>): ReadonlyArray<string> => [
  process.execPath,
  "-e",
  script,
  "--",
  socket,
  String(gatewayPort),
  ...command
]
