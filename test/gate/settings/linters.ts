import type { Case } from "../settings.test.ts"

const of = (path: string, name: string, before: string, after: string, is: Case["is"]): Case => ({
  name: `${path}: ${name}`,
  base: { [path]: before },
  head: { [path]: after },
  is
})
const py = "pyproject.toml"
const ts = (options: object) => JSON.stringify({ compilerOptions: options })
const rc = (rules: object) => JSON.stringify({ rules })

export const linters: ReadonlyArray<Case> = [
  of(
    py,
    "ruff selects nothing",
    "[tool.ruff.lint]\nselect = ['E', 'F']\n",
    "[tool.ruff.lint]\nselect = []\n",
    "ask"
  ),
  of(
    py,
    "ruff selects less",
    "[tool.ruff.lint]\nselect = ['E', 'F']\n",
    "[tool.ruff.lint]\nselect = ['E']\n",
    "note"
  ),
  of(
    py,
    "ruff selects all",
    "[tool.ruff.lint]\nselect = ['E', 'F']\n",
    "[tool.ruff.lint]\nselect = ['ALL']\n",
    "pass"
  ),
  of(py, "ruff ignores a rule", "[tool.ruff]\n", "[tool.ruff]\nlint.ignore = ['E501']\n", "note"),
  of(py, "ruff ignores all", "[tool.ruff]\n", "[tool.ruff]\nlint.ignore = ['ALL']\n", "ask"),
  of(
    py,
    "coverage lowered",
    "[tool.coverage.report]\nfail_under = 90\n",
    "[tool.coverage.report]\nfail_under = 10\n",
    "ask"
  ),
  of(
    py,
    "coverage raised",
    "[tool.coverage.report]\nfail_under = 90\n",
    "[tool.coverage.report]\nfail_under = 95\n",
    "pass"
  ),
  of(py, "mypy no longer strict", "[tool.mypy]\nstrict = true\n", "[tool.mypy]\nstrict = false\n", "ask"),
  of(py, "mypy ignores errors", "[tool.mypy]\n", "[tool.mypy]\nignore_errors = true\n", "ask"),
  of(py, "line length", "[tool.ruff]\nline-length = 88\n", "[tool.ruff]\nline-length = 100\n", "pass"),
  of("setup.cfg", "flake8 ignores a rule", "[flake8]\nignore = E1\n", "[flake8]\nignore = E1, W5\n", "note"),
  of(
    ".coveragerc",
    "fail_under gone",
    "[report]\nfail_under = 80\n",
    "[report]\nshow_missing = true\n",
    "ask"
  ),
  of("tsconfig.json", "strict off", ts({ strict: true }), ts({ strict: false }), "ask"),
  of("tsconfig.json", "one check off", ts({ noImplicitAny: true }), ts({ noImplicitAny: false }), "note"),
  of(
    "tsconfig.json",
    "another target, with comments",
    `// a\n${ts({ strict: true, target: "es2020" })}`,
    ts({ strict: true, target: "es2022" }),
    "pass"
  ),
  of(".eslintrc.json", "a rule off", rc({ eqeqeq: "error" }), rc({ eqeqeq: "off", semi: "error" }), "note"),
  of(".eslintrc.json", "no rule left", rc({ eqeqeq: "error" }), rc({}), "ask"),
  of(
    "eslint.config.js",
    "a rule off",
    "export default [{ rules: { eqeqeq: 'error', semi: 2 } }]\n",
    "export default [{ rules: { eqeqeq: 0, semi: 2 } }]\n",
    "note"
  ),
  of(
    ".oxlintrc.json",
    "a category off",
    JSON.stringify({ categories: { correctness: "error", perf: "error" } }),
    JSON.stringify({ categories: { correctness: "off", perf: "error" } }),
    "note"
  ),
  of(
    "biome.json",
    "switched off",
    JSON.stringify({ linter: { enabled: true } }),
    JSON.stringify({ linter: { enabled: false } }),
    "ask"
  ),
  of(
    ".golangci.yml",
    "no linter",
    "linters:\n  enable: [govet, errcheck]\n",
    "linters:\n  default: none\n",
    "ask"
  ),
  of(".golangci.yml", "exits 0", "run: {}\n", "run:\n  issues-exit-code: 0\n", "fail"),
  of(
    ".golangci.yml",
    "one linter off",
    "linters:\n  enable: [govet]\n",
    "linters:\n  enable: [govet]\n  disable: [unused]\n",
    "note"
  ),
  of(".nycrc", "lower", '{"lines": 100}', '{"lines": 90}', "ask"),
  of("tests/fixtures/tsconfig.json", "data of a test", ts({ strict: true }), ts({ strict: false }), "pass")
]
