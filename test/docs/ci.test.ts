/** The workflows of examples/ci: valid YAML, and every command of ours in them is one that the program understands. */
import { execFileSync } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { parseDocument } from "yaml"

import { formats } from "../../src/gate/report/formats.ts"

const root = join(import.meta.dirname, "../..")
const folder = join(root, "examples/ci")
const names = readdirSync(folder)
const read = (name: string) => readFileSync(join(folder, name), "utf8")

/** `foreman gate …` in a workflow or a page, its continuation lines included. */
const commandsIn = (text: string): ReadonlyArray<string> =>
  Array.from(text.matchAll(/\bforeman gate\b(?:[^\n`#|]|\n +(?=--))*/gu), ([command]) =>
    command.replaceAll(/\s+/gu, " ")
  )

const help = (...words: ReadonlyArray<string>): string =>
  execFileSync(process.execPath, [join(root, "programs/foreman.ts"), "gate", ...words, "--help"], {
    encoding: "utf8"
  })

describe("examples/ci", () => {
  it("has a workflow for each forge", () =>
    assert.deepStrictEqual(names.sort(), ["forgejo.yaml", "github.yaml", "gitlab.yml"]))

  it.each(names)("%s is YAML, and asks the gate once", (name) => {
    assert.deepStrictEqual(parseDocument(read(name)).errors, [])
    assert.strictEqual(commandsIn(read(name).replaceAll(/^ *#.*$/gmu, "")).length, 1)
  })

  it("and docs/gate.md use flags and formats that there are", () => {
    const texts = [...names.map(read), readFileSync(join(root, "docs/gate.md"), "utf8")]
    const commands = texts.flatMap(commandsIn)
    const known = [help(), help("calibrate"), help("hook", "run")].join("\n")
    const flags = commands.flatMap((command) => command.match(/(?<=\s)--[a-z-]+/gu) ?? [])
    const reports = commands.flatMap((command) =>
      Array.from(command.matchAll(/--(?:format|report) "?([a-z]+)/gu), ([, format = ""]) => format)
    )
    assert.isAbove(flags.length, 8)
    assert.deepStrictEqual(
      flags.filter((flag) => !known.includes(`${flag} `) && !known.includes(`${flag},`)),
      []
    )
    assert.deepStrictEqual(
      reports.filter((format) => !formats.some((each) => each === format)),
      []
    )
  })
})
