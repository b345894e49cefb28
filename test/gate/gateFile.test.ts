import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"

import { defaultPolicy } from "../../src/gate/finding.ts"
import { readGateFile } from "../../src/gate/gateFile.ts"

const read = (text: string) => Result.getOrThrowWith(readGateFile(text), (message) => new Error(message))
const refusal = (text: string) => Result.merge(Result.map(readGateFile(text), () => "taken"))

describe(".foreman/gate.yaml", () => {
  it("takes the whole form, and fills in what is left out", () => {
    const text = `
checks:
  - name: unit
    role: test
    command: go test ./...
    paths: ["**/*.go"]
    timeout: 1h5m
    parallel: true
  - role: lint
    command: |
      go vet ./...
      golangci-lint run
policy:
  untested: fail
`
    assert.deepStrictEqual(read(text), {
      checks: [
        {
          name: "unit",
          role: "test",
          command: "go test ./...",
          paths: ["**/*.go"],
          timeoutSeconds: 3900,
          parallel: true
        },
        { name: "lint", role: "lint", command: "go vet ./...\ngolangci-lint run\n" }
      ],
      setup: [],
      env: {},
      services: [],
      policy: { ...defaultPolicy, untested: "fail" }
    })
  })

  it("may speak of the policy alone", () => {
    assert.deepStrictEqual(read("policy: {flaky: warn}"), {
      checks: undefined,
      setup: [],
      env: {},
      services: [],
      policy: { ...defaultPolicy, flaky: "warn" }
    })
    assert.deepStrictEqual(read(""), {
      checks: undefined,
      setup: [],
      env: {},
      services: [],
      policy: defaultPolicy
    })
  })

  it("puts set-up before all checks, whichever way it is written, and variables as text", () => {
    const text = `
setup:
  - {run: npm ci, lockFiles: [package-lock.json]}
  - {run: sh make-fixtures.sh, network: false}
env: {CI: true, PORT: 80, NAME: a b}
checks:
  - {role: test, command: npm test}
  - {role: setup, name: tools, command: pip install tox}
`
    assert.deepStrictEqual(read(text).checks, [
      { name: "setup", role: "setup", command: "npm ci", lockFiles: ["package-lock.json"], network: true },
      { name: "setup 2", role: "setup", command: "sh make-fixtures.sh", lockFiles: [], network: false },
      { name: "tools", role: "setup", command: "pip install tox", lockFiles: [], network: true },
      { name: "test", role: "test", command: "npm test" }
    ])
    assert.deepStrictEqual(read(text).env, { CI: "true", PORT: "80", NAME: "a b" })
    assert.deepStrictEqual(
      read("setup: [{run: npm ci}]").setup.map(({ command }) => command),
      ["npm ci"]
    )
  })

  it.each([
    [
      "checks: [{nam: x, role: test, command: x}]",
      "checks[0].nam: there is no such key; the keys here are name, role, command, paths, timeout, parallel, lockFiles, network"
    ],
    ["check: []", "check: there is no such key; the keys here are setup, env, services, checks, policy"],
    [
      "setup: [{command: x}]",
      "setup[0].command: there is no such key; the keys here are run, lockFiles, network; setup[0].run: is missing"
    ],
    ["env: {HOME: /root}", "env.HOME: the gate sets HOME itself"],
    [
      "checks: [{role: test, command: x, network: true}]",
      "checks[0]: lockFiles and network are keys of a check of role setup"
    ],
    [
      "policy: {hallow: warn}",
      "policy.hallow: there is no such key; the keys here are hollow, weakened, protected, dirty, flaky, untested, unused"
    ],
    ["policy: {hollow: ignore}", 'policy.hollow: Expected "fail" | "ask" | "warn"'],
    ["checks: [{role: test}]", "checks[0].command: is missing"],
    [
      "checks: [{role: tests, command: x}]",
      'checks[0].role: Expected "setup" | "format" | "lint" | "build" | "test" | "codegen"'
    ],
    ["checks: [{role: test, command: x, timeout: 300}]", "checks[0].timeout: Expected string"],
    [
      "checks: [{role: test, command: x, timeout: 5 min}]",
      "checks[0].timeout: must be a duration such as 30s, 5m or 1h30m"
    ],
    [
      "checks: [{role: test, command: x, timeout: 0s}]",
      "checks[0].timeout: must be longer than nothing, such as 30s"
    ],
    ["checks: [{role: test, command: ' '}]", "checks[0].command: must hold a command for /bin/sh"],
    [
      "checks: [{role: test, command: x, paths: ['/etc']}]",
      "checks[0].paths[0]: must be a glob from the root, such as src/**/*.go"
    ],
    [
      "checks: [{role: test, command: a}, {role: test, command: b}]",
      "checks: two are called test; give each a name of its own with the key name"
    ],
    ["checks: [", "is no YAML: "],
    ["checks: &a [*a]", "may not use anchors and aliases: write the value out"]
  ])("%s is refused with the key and the fix", (text, message) => {
    const said = refusal(text)
    assert.strictEqual(typeof said === "string" ? said.slice(0, message.length) : said, message)
  })
})

describe("the policy", () => {
  it("has a word for what could not be proved, and none for an exit that is forged", () => {
    const proved = readGateFile("policy: { unproved: fail }")
    assert.isTrue(Result.isSuccess(proved) && proved.success.policy.unproved === "fail")
    const forged = readGateFile("policy: { exitForged: warn }")
    assert.isTrue(Result.isFailure(forged))
    assert.notMatch(Result.isFailure(forged) ? forged.failure : "", /keys here are .*exitForged/u)
  })

  it.each([
    ["{name: db, image: 'postgres:16', port: 5432}", "services[0]: needs command, which starts db"],
    ["{name: db, command: postgres}", "services[0]: needs port or ready"],
    ["{name: db, command: postgres, port: 0}", "services[0].port: "],
    ["{name: DB, command: postgres, port: 1}", "services[0].name: must be"],
    ["{name: db, command: postgres, port: 1, env: {HOME: /}}", "services[0].env.HOME: the gate sets"],
    [
      "{name: db, command: postgres, port: 1, tty: true}",
      "services[0].tty: there is no such key; the keys here are name, image"
    ],
    ["{name: a, command: a, port: 1}, {name: b, command: b, port: 1}", "services[1]: another service"]
  ])("refuses the service %s", (service, sentence) => {
    assert.include(refusal(`services: [${service}]\nchecks: [{role: test, command: make}]`), sentence)
  })
})
