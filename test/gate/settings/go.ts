import type { Case } from "../settings.test.ts"

const head = 'package shop\n\nimport (\n\t"os"\n\t"testing"\n)\n\n'
const main = (name: string, body: string, is: Case["is"], before?: string): Case => ({
  name: `TestMain ${name}`,
  base: before === undefined ? {} : { "main_test.go": `${head}${before}` },
  head: { "main_test.go": `${head}${body}` },
  is
})
const of = (body: string) => `func TestMain(m *testing.M) {\n${body}}\n`
const mod = (text: string) => ({ "go.mod": `module x\n\ngo 1.24\n${text}` })

export const go: ReadonlyArray<Case> = [
  main("that exits 0", of("\tm.Run()\n\tos.Exit(0)\n"), "fail"),
  main("that drops the code", of("\tcode := m.Run()\n\t_ = code\n\tos.Exit(0)\n"), "fail"),
  main("that runs nothing", of("\tos.Exit(0)\n"), "fail"),
  main("that exits 0 in a deferred function", of("\tdefer func() { os.Exit(0) }()\n\tm.Run()\n"), "fail"),
  main("that hands the code on", of("\tcode := m.Run()\n\tos.Exit(code)\n"), "pass"),
  main("that returns, as it may since Go 1.15", of("\tsetUp()\n\tm.Run()\n"), "pass"),
  main(
    "that ends a helper process before the tests",
    of('\tif os.Getenv("CHILD") != "" {\n\t\tos.Exit(0)\n\t}\n\tos.Exit(m.Run())\n'),
    "note"
  ),
  main(
    "that forgives under a condition",
    of("\tcode := m.Run()\n\tif code == 1 {\n\t\tos.Exit(0)\n\t}\n\tos.Exit(code)\n"),
    "ask"
  ),
  main("that hands the tests to a library", of("\tgoleak.VerifyTestMain(m)\n"), "pass"),
  main(
    "that was there",
    `${of("\tm.Run()\n\tos.Exit(0)\n")}\nvar x = 1\n`,
    "pass",
    of("\tm.Run()\n\tos.Exit(0)\n")
  ),
  main("is not there, and init exits", "func init() { os.Exit(0) }\n", "fail"),
  {
    name: "go.mod: a library of assertions replaced",
    base: mod(""),
    head: mod("\nreplace github.com/stretchr/testify => ./fake\n"),
    is: "ask"
  },
  {
    name: "go.mod: a module of the project replaced",
    base: mod(""),
    head: mod("\nreplace example.com/shop/api => ../api\n"),
    is: "note"
  },
  {
    name: "go.mod: a requirement",
    base: mod(""),
    head: mod("\nrequire github.com/stretchr/testify v1.11.0\n"),
    is: "pass"
  }
]
