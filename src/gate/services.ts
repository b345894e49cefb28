/** The key `services` of `.foreman/gate.yaml`: what tests need beside them, such as a database. Each check has its own, started anew. */
import { Schema } from "effect"

import { ShellCommand, textsOf, Variables, wrongName } from "./gateSetup.ts"
import { quoted } from "./quoted.ts"

const opt = Schema.optionalKey

export const ServiceStep = Schema.Struct({
  name: Schema.String.check(
    Schema.isPattern(/^[a-z0-9][a-z0-9-]{0,62}$/u, {
      message: "must be 1 to 63 lower-case letters, digits or -, beginning with a letter or digit"
    })
  ),
  /** A container image. Nothing starts one here: a service with an image alone is refused. */
  image: opt(Schema.String.check(Schema.isMaxLength(500))),
  /** Runs in the root of the repository for as long as the check does. */
  command: opt(ShellCommand),
  /** Where it listens on the loopback address; free before, and taken once it is ready. */
  port: opt(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 65_535 }))),
  /** Variables of the service alone. */
  env: opt(Variables),
  /** Succeeds once the service answers; by the port when absent. */
  ready: opt(ShellCommand)
})
type ServiceStep = typeof ServiceStep.Type

export const ServiceSteps = Schema.Array(ServiceStep).check(Schema.isMinLength(1), Schema.isMaxLength(10))

export interface Service {
  readonly name: string
  readonly command: string
  readonly port?: number | undefined
  readonly env: Readonly<Record<string, string>>
  readonly ready?: string | undefined
}

/** What is wrong with them in one sentence, or the services. */
export const servicesOf = (steps: ReadonlyArray<ServiceStep>): ReadonlyArray<Service> | string => {
  const services: Array<Service> = []
  for (const [index, { command, env = {}, name, port, ready }] of steps.entries()) {
    const where = `services[${index}]`
    if (command === undefined)
      return `${where}: needs command, which starts ${name} where the checks run: no container is started for an image`
    if (port === undefined && ready === undefined)
      return `${where}: needs port or ready, by which the gate knows that ${name} answers`
    const misnamed = wrongName(env)
    if (misnamed !== undefined) return `${where}.${misnamed}`
    if (services.some((other) => other.name === name || (port !== undefined && other.port === port)))
      return `${where}: another service has its name or its port`
    services.push({ name, command, port, env: textsOf(env), ready })
  }
  return services
}

/** Exit status of a check whose service did not start; the last line that it printed says why. */
const failedExit = 125
const failedLine = "foreman: service "
const patienceSeconds = 60

/** What a failed service says of itself; `undefined` when the command ended for another reason. */
export const serviceFailure = (exitCode: number, logTail: string): string | undefined => {
  const line = logTail.trimEnd().split("\n").at(-1) ?? ""
  return exitCode === failedExit && line.startsWith(failedLine) ? line.slice("foreman: ".length) : undefined
}

/** Whether something listens on the port: the kernel's table where there is one, else a connection. */
const listens = (port: number): string => {
  const form = `:${port.toString(16).toUpperCase().padStart(4, "0")} [0-9A-F]*:0000 0A `
  return `{ if [ -r /proc/net/tcp ]; then cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | grep -q '${form}'; else nc -z 127.0.0.1 ${port} >/dev/null 2>&1; fi; }`
}

/** Starts one and waits until it is ready; ends the shell when it is not. */
const start = ({ command, env, name, port, ready }: Service): string => {
  const isReady = ready === undefined ? listens(port ?? 0) : `( ${ready}\n) </dev/null >/dev/null 2>&1`
  const fail = (why: string) =>
    `{ tail -n 20 "$foreman_log" 2>/dev/null; echo; echo "${failedLine}${name} ${why}"; exit ${failedExit}; }`
  const exported = Object.entries(env)
    .map(([key, value]) => `export ${key}=${quoted(value)}; `)
    .join("")
  return [
    `foreman_log="$run/${name}.log"`,
    ...(port === undefined
      ? []
      : [`if ${listens(port)}; then ${fail(`cannot start: port ${port} is in use`)}; fi`]),
    // Not a child of the check's shell: one that waits for its children would wait for ever.
    `foreman_pid=$( { ${exported}exec /bin/sh -c ${quoted(command)}; } </dev/null >"$foreman_log" 2>&1 & echo $!)`,
    "foreman_tries=0",
    `until ${isReady}; do`,
    `  kill -0 "$foreman_pid" 2>/dev/null || ${fail("ended before it was ready")}`,
    `  [ "$foreman_tries" -lt ${patienceSeconds * 5} ] || ${fail(`is not ready after ${patienceSeconds} s`)}`,
    "  foreman_tries=$((foreman_tries + 1)); sleep 0.2",
    "done",
    ""
  ].join("\n")
}

/** Shell text that starts all of them in their order. Needs `$run`, a folder of the check's own. */
export const startServices = (services: ReadonlyArray<Service>): string =>
  services.length === 0 ? "" : `${services.map(start).join("")}unset foreman_log foreman_pid foreman_tries\n`
