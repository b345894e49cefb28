/** What a gate costs beside the commands that it runs: `foreman gate` and a shell, by turns, on the same repository with a warm cache. */
import { execFileSync, spawnSync } from "node:child_process"
import { mkdirSync, writeFileSync } from "node:fs"
import { dirname, join, resolve } from "node:path"

import { p50 } from "./bare.ts"
import type { Row } from "./report.ts"

const program = join(resolve(import.meta.dirname, ".."), "dist", "foreman.mjs")

/** Some seconds of work; not a span of time, so that what else the machine does slows both sides. */
const busy = (seconds: number) =>
  `node -e "let n = 0; for (let i = 0; i < ${seconds} * 2e8; i++) n += Math.sqrt(i)"`

const gateFile = (commands: ReadonlyArray<string>, isParallel: boolean) =>
  `checks:\n${commands.map((command, n) => `  - {name: c${n}, role: build, parallel: ${isParallel}, command: ${JSON.stringify(command)}}\n`).join("")}`

/** The last commit is the change: what differs from `base`. */
const makeRepository = (
  folder: string,
  base: Readonly<Record<string, string>>,
  change: Readonly<Record<string, string>>
): string => {
  const git = (...args: ReadonlyArray<string>) =>
    execFileSync("git", [
      "-C",
      folder,
      "-c",
      "user.name=Bench",
      "-c",
      "user.email=bench@example.com",
      ...args
    ])
  mkdirSync(folder)
  git("init", "-q", "-b", "main")
  for (const files of [base, change]) {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), text)
    }
    git("add", "-A")
    git("commit", "-q", "-m", "work")
    git("checkout", "-q", "-B", "work")
  }
  return folder
}

const seconds = (work: () => void): number => {
  const startedAt = performance.now()
  work()
  return (performance.now() - startedAt) / 1000
}

/** `extra` of the result of one gate that passes. */
const gate = (repository: string): any => {
  const args = [program, "gate", "--repo", repository, "--base", "main", "-o", "json"]
  const env = { ...process.env, XDG_CACHE_HOME: join(dirname(repository), "cache") }
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: "utf8", env })
  if (status !== 0) throw new Error(`foreman gate ended with ${status}: ${stdout}`)
  return JSON.parse(stdout).extra
}

/** Tests of half a second, in as many files; the change touches the product and the first `changed` of them. */
const tested = (folder: string, changed: number): any => {
  const imports = `import assert from "node:assert"\nimport { test } from "node:test"\nimport { two } from "../two.js"\n`
  const file = (n: number, value: string) =>
    `${imports}test("t${n}", () => { const end = Date.now() + 500; while (Date.now() < end); assert.equal(two, ${value}) })\n`
  const files = (count: number, value: string) =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [`test/t${n}.test.js`, file(n, value)]))
  const checks = "checks:\n  - {role: test, command: node --test}\n"
  const base = {
    ".foreman/gate.yaml": checks,
    "package.json": '{"type":"module"}\n',
    "two.js": "export const two = 3\n"
  }
  return gate(
    makeRepository(
      folder,
      { ...base, ...files(8, "two") },
      { "two.js": "export const two = 2\n", ...files(changed, "2") }
    )
  ).evidence
}

export const gateCost = (folder: string, isQuick: boolean): ReadonlyArray<Row> => {
  const length = isQuick ? 1 : 6
  const commands = [busy(length), busy(length)]
  const repository = (name: string, isParallel: boolean) =>
    makeRepository(
      join(folder, name),
      { ".foreman/gate.yaml": gateFile(commands, isParallel) },
      { "lib.js": "export const a = 1\n" }
    )
  const [serial, parallel] = [repository("serial", false), repository("parallel", true)]
  const runs = Array.from({ length: isQuick ? 1 : 3 }, () => ({
    bare: seconds(() => commands.forEach((command) => execFileSync("sh", ["-c", command]))),
    serial: seconds(() => gate(serial)),
    parallel: seconds(() => gate(parallel))
  }))
  const of = (pick: (run: (typeof runs)[number]) => number) => p50(runs.map(pick))
  const sum = (parts: ReadonlyArray<{ readonly seconds: number }>) =>
    parts.reduce((all, part) => all + part.seconds, 0)
  const [one, four] = [tested(join(folder, "one"), 1), tested(join(folder, "four"), 4)]
  return [
    {
      measure: "foreman gate: wall time beside the bare commands",
      figures: [
        { name: "of the bare commands", value: of((run) => run.serial / run.bare), unit: "×", atMost: 1.05 },
        { name: "more than they", value: of((run) => run.serial - run.bare), unit: "s" },
        {
          name: "two parallel checks, of the same in series",
          value: of((run) => run.parallel / run.serial),
          unit: "×",
          atMost: 0.9
        }
      ],
      ceiling: `${of(({ bare }) => bare).toFixed(2)} s for the bare commands`
    },
    {
      measure: "foreman gate: bite check and reruns, four changed test files of eight beside one",
      figures: [
        { name: "bite check", value: sum(four.bite) / sum(one.bite), unit: "×", atMost: 4.5 },
        { name: "reruns", value: sum(four.reruns) / sum(one.reruns), unit: "×", atMost: 4.5 }
      ],
      ceiling: `${sum(one.bite).toFixed(2)} s and ${sum(one.reruns).toFixed(2)} s for one file`
    }
  ]
}
