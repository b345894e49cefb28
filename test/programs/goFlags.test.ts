import { assert, describe, it } from "@effect/vitest"
import { Duration, Result } from "effect"

import * as Flags from "../../programs/goFlags.ts"
import { parseGoDuration } from "../../programs/goDuration.ts"

const table = {
  "fleet-node-name": Flags.string("", "Name of this node", { env: "FLEET_NODE_NAME" }),
  roles: Flags.csv(["worker"], "What this node does"),
  slots: Flags.int(1, "Tasks at once", { env: "SLOTS" }),
  "heartbeat-interval": Flags.duration("30s", "Time between heartbeats"),
  "leader-elect": Flags.bool(false, "Lead only while holding the Lease"),
  ...Flags.zapFlags
} as const

const parse = (argv: ReadonlyArray<string>, env = {}) =>
  Flags.parse({ name: "foreman-agent", table, argv, env })
const valuesOf = (argv: ReadonlyArray<string>, env = {}) => {
  const { values } = Result.getOrThrow(parse(argv, env))
  return {
    name: values["fleet-node-name"],
    roles: values.roles,
    slots: values.slots,
    interval: Duration.toMillis(values["heartbeat-interval"]),
    leads: values["leader-elect"]
  }
}
const defaults = { name: "", roles: ["worker"], slots: 1, interval: 30_000, leads: false }

describe("goFlags reads what Go reads", () => {
  const accepted: ReadonlyArray<readonly [string, ReadonlyArray<string>, object]> = [
    ["nothing given", [], {}],
    ["one dash, next argument", ["-slots", "3"], { slots: 3 }],
    ["two dashes, equals sign", ["--slots=3"], { slots: 3 }],
    ["the last one wins, a bad one before it does no harm", ["--slots=x", "--slots=4"], { slots: 4 }],
    ["Go's other bases", ["--slots=0x10"], { slots: 16 }],
    ["a negative number as the next argument", ["--slots", "-3"], { slots: -3 }],
    ["a bool takes no argument", ["--leader-elect", "--slots=2"], { leads: true, slots: 2 }],
    ["a bool that is switched off", ["--leader-elect", "--leader-elect=false"], { leads: false }],
    ["a list, blanks and empty entries left out", ["--roles", " a, ,b,"], { roles: ["a", "b"] }],
    ["an empty list", ["--roles=,,"], { roles: [] }],
    ["a duration", ["--heartbeat-interval=1m30s"], { interval: 90_000 }],
    ["a value with an equals sign", ["--fleet-node-name=a=b"], { name: "a=b" }],
    ["a value that looks like a flag", ["--fleet-node-name", "-x"], { name: "-x" }],
    ["zap's flags", ["--zap-devel", "--zap-log-level=debug", "--zap-encoder=json"], {}]
  ]
  it.each(accepted)("%s", (_, argv, expected) => {
    assert.deepStrictEqual(valuesOf(argv), { ...defaults, ...expected })
  })

  it("the environment speaks when the flag is absent, an empty variable says nothing", () => {
    const env = { FLEET_NODE_NAME: "n1", SLOTS: "" }
    assert.deepStrictEqual(valuesOf([], env), { ...defaults, name: "n1" })
    assert.deepStrictEqual(valuesOf(["--fleet-node-name=n2"], env), { ...defaults, name: "n2" })
  })

  it("parsing stops at the first argument that is no flag, or after two dashes", () => {
    assert.deepStrictEqual(Result.getOrThrow(parse(["--slots=2", "x", "--slots=3"])).args, ["x", "--slots=3"])
    assert.deepStrictEqual(Result.getOrThrow(parse(["--", "--slots=3"])).args, ["--slots=3"])
  })

  const refused: ReadonlyArray<readonly [string, ReadonlyArray<string>, object]> = [
    ["flag provided but not defined: -bogus", ["--bogus=1"], {}],
    ["flag provided but not defined: -constructor", ["--constructor"], {}],
    ["flag needs an argument: -slots", ["--slots"], {}],
    ["bad flag syntax: ---slots", ["---slots"], {}],
    ["bad flag syntax: --=1", ["--=1"], {}],
    ['invalid value "many" for flag -slots: parse error', ["--slots=many"], {}],
    [
      'invalid value "99999999999999999999" for flag -slots: value out of range',
      ["--slots=99999999999999999999"],
      {}
    ],
    ['invalid value "30" for flag -heartbeat-interval: parse error', ["--heartbeat-interval=30"], {}],
    ['invalid boolean value "maybe" for flag -leader-elect: parse error', ["--leader-elect=maybe"], {}],
    ['invalid value "x" for environment variable SLOTS: parse error', [], { SLOTS: "x" }]
  ]
  it.each(refused)("%s", (sentence, argv, env) => {
    const stop = Result.getOrThrow(Result.flip(parse(argv, env)))
    assert.deepStrictEqual([stop.stream, stop.exitCode], ["stderr", 2])
    assert.deepStrictEqual(stop.text.split("\n").slice(0, 2), [sentence, "Usage of foreman-agent:"])
  })

  it.each([["-h"], ["--help"], ["--slots=2", "-help"]])("help is no mistake: %s", (...argv) => {
    const small = { slots: table.slots, "leader-elect": table["leader-elect"], roles: table.roles }
    assert.deepStrictEqual(
      Result.getOrThrow(Result.flip(Flags.parse({ name: "x", table: small, argv, env: {} }))),
      {
        stream: "stdout",
        exitCode: 0,
        text: [
          "Usage of x:",
          "  --slots int     Tasks at once (default 1, env SLOTS)",
          "  --leader-elect  Lead only while holding the Lease",
          "  --roles csv     What this node does (default worker)"
        ].join("\n")
      }
    )
  })

  it.each([
    ["debug", "Debug"],
    ["ERROR", "Error"],
    ["2", "Debug"],
    ["0", "Info"],
    ["what", "Info"]
  ] as const)("zap level %s is %s", (zap, level) => assert.strictEqual(Flags.logLevelOf(zap), level))
})

describe("goDuration", () => {
  it.each([
    ["0", 0],
    ["1h30m", 5_400_000],
    ["1.5s", 1500],
    ["500ms", 500],
    ["2us", 0.002],
    [".5m", 30_000],
    ["168h", 604_800_000],
    ["", undefined],
    ["30", undefined],
    ["30 seconds", undefined],
    ["-5s", undefined],
    ["1d", undefined],
    ["99999999h", undefined]
  ])("%s", (text, millis) => {
    const span = parseGoDuration(text)
    assert.strictEqual(span === undefined ? undefined : Duration.toMillis(span), millis)
  })
})
