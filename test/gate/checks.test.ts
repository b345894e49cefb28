import { assert, describe, it } from "@effect/vitest"

import { banner, defaultChecks, defaultTargets, makeCheck, plan } from "../../src/gate/checks.ts"
import { encodeRequest, exitCodeOf } from "../../src/gate/exchange.ts"
import { makefilePart, readMakefile } from "../../src/gate/make.ts"

describe("plan", () => {
  it("leaves the choice to the repository when nobody chose", () => {
    assert.deepStrictEqual(plan({}), { image: "golang:1.26", checks: undefined })
  })

  it("takes the node's image of tools for what has no language, and a language's own for the rest", () => {
    const toolchainImage = "tools:1"
    assert.deepStrictEqual(
      [
        plan({ toolchainImage }).image,
        plan({ toolchainImage, gateProfile: { language: "generic" } }).image,
        plan({ toolchainImage, gateProfile: { language: "node" } }).image,
        plan({ toolchainImage, gateProfile: { image: "golang:1.25" } }).image
      ],
      ["tools:1", "tools:1", "node:22", "golang:1.25"]
    )
  })

  it("lets the tool's argument win over the profile, and keeps the profile's image", () => {
    assert.deepStrictEqual(plan({ checks: ["fmt"], gateProfile: { language: "node" } }), {
      image: "node:22",
      checks: [{ name: "fmt", command: "make fmt", target: "fmt", role: "format" }]
    })
  })

  it("fills a profile from its language's preset, the cheapest check first", () => {
    assert.deepStrictEqual(
      plan({ gateProfile: { language: "node", commands: { test: "node --test", lint: "" } } }),
      {
        image: "node:22",
        checks: [
          { name: "format", command: "prettier --check .", role: "format" },
          { name: "test", command: "node --test", role: "test" }
        ]
      }
    )
  })

  it("keeps the make targets for a Go profile that names no command", () => {
    assert.deepStrictEqual(plan({ gateProfile: { image: "golang:1.25" } }), {
      image: "golang:1.25",
      checks: undefined
    })
  })

  it("leaves the choice to the repository for a profile that comes to no command", () => {
    assert.isUndefined(plan({ gateProfile: { language: "generic" } }).checks)
  })
})

describe("makefilePart", () => {
  const base = "V = 1\n.PHONY: test\ntest: build\n\t./run $(V)\nbuild:\n\tcc a.c\nrelease:\n\tship\n"
  const part = (text: string) => makefilePart(text, ["test"])

  it.each([
    ["another target's recipe", base.replace("ship", "ship --now"), true],
    ["a new target, declared phony", base.replace(": test\n", ": test new\n") + "new:\n\ttrue\n", true],
    ["a comment", `# why\n${base}`, true],
    ["its own recipe", base.replace("./run", "true ./run"), false],
    ["the recipe of what it needs", base.replace("cc a.c", "true"), false],
    ["a variable", base.replace("V = 1", "V = 2"), false],
    ["an include", `include x.mk\n${base}`, false]
  ] as const)("sees a change of %s: same %s", (_, text, isSame) => {
    assert.strictEqual(part(text) === part(base), isSame)
  })
})

describe("readMakefile", () => {
  it("sees explicit targets and literal includes, and nothing that only looks like one", () => {
    const text = `include tools.mk $(wildcard *.mk)
-include local.mk ../host.mk /etc/site.mk # mine
VERSION := 1.0:2
X ::= y
.PHONY: ghost
fmt vet: tools
test:: deps
%.o: %.c
\tlint: not a rule
manifests : bin/controller-gen
long \\
  lint: x
`
    const { includes, targets } = readMakefile(text)
    assert.deepStrictEqual(
      [includes, [...defaultTargets].filter((target) => targets.has(target)), targets.has("ghost")],
      [["tools.mk", "local.mk"], ["fmt", "vet", "lint", "test", "manifests"], false]
    )
  })

  it("runs of the suite what the base declares, in the contract's order", () => {
    assert.deepStrictEqual(defaultChecks(new Set(["test", "other", "fmt"])).map(banner), [
      "=== make fmt ===",
      "=== make test ==="
    ])
    assert.strictEqual(banner({ name: "unit tests" }), "=== unit tests ===")
    assert.strictEqual(makeCheck("chart-crds").command, "make chart-crds")
  })
})

describe("the exchange", () => {
  it("counts the lines of a command, so that no text can end it early", () => {
    assert.strictEqual(encodeRequest("n", "a\nn 0\n"), "n\n3\na\nn 0\n\n")
  })

  it.each([
    ["n 0", 0],
    ["n 255", 255],
    ["m 0", undefined],
    ["n", undefined],
    ["n 0 0", undefined],
    ["n -1", undefined],
    ["ready", undefined]
  ] as const)("reads %s as the answer %s", (line, code) => {
    assert.strictEqual(exitCodeOf(line, "n"), code)
  })
})
