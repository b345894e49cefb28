import type { Case } from "../settings.test.ts"

const tests = { "src/a.test.ts": "x\n", "src/b.test.ts": "x\n", "src/a.ts": "x\n" }
const config = (
  path: string,
  before: string,
  after: string,
  name: string,
  is: Case["is"],
  says?: string
): Case => ({
  name: `${path}: ${name}`,
  base: { ...tests, [path]: before },
  head: { ...tests, [path]: after },
  is,
  ...(says !== undefined && { says })
})
const vitest = (test: string) =>
  `import { defineConfig } from "vitest/config"\n\nexport default defineConfig({ test: { ${test} } })\n`
const vite = (name: string, after: string, is: Case["is"], before = "globals: true") =>
  config("vitest.config.ts", vitest(before), vitest(after), name, is)
const jest = (before: object, after: object, name: string, is: Case["is"]) =>
  config(
    "package.json",
    JSON.stringify({ name: "x", jest: before }),
    JSON.stringify({ name: "x", jest: after }),
    name,
    is
  )
const added = (path: string, text: string, name: string, is: Case["is"]): Case => ({
  name: `a new ${path}: ${name}`,
  base: tests,
  head: { ...tests, [path]: text },
  is
})

export const javascript: ReadonlyArray<Case> = [
  vite("exclude of a test", "globals: true, exclude: ['src/b.test.ts']", "fail"),
  vite("exclude of what is no test", "globals: true, exclude: ['**/node_modules/**', 'dist']", "pass"),
  vite("include that leaves a test out", "include: ['src/a.test.ts']", "fail", "include: ['src/*.test.ts']"),
  vite("include that takes more", "include: ['**/*.test.ts']", "pass", "include: ['src/*.test.ts']"),
  vite("retry", "globals: true, retry: 3", "ask"),
  vite("passWithNoTests", "globals: true, passWithNoTests: true", "ask"),
  vite("a pattern of names", "globals: true, testNamePattern: 'easy'", "ask"),
  vite("errors that nobody handles", "globals: true, dangerouslyIgnoreUnhandledErrors: true", "ask"),
  vite("an alias onto a fake", "globals: true, alias: { './shop': './test/fake-shop.ts' }", "ask"),
  vite("an alias of a folder", "globals: true, alias: { '@': './src' }", "pass"),
  vite("a reporter of its own", "globals: true, reporters: './quiet.ts'", "ask"),
  vite("coverage that leaves files out", "globals: true, coverage: { exclude: ['src/b.test.ts'] }", "pass"),
  vite(
    "a threshold lowered",
    "coverage: { thresholds: { lines: 10 } }",
    "ask",
    "coverage: { thresholds: { lines: 90 } }"
  ),
  vite(
    "a threshold raised",
    "coverage: { thresholds: { lines: 95 } }",
    "pass",
    "coverage: { thresholds: { lines: 90 } }"
  ),
  vite("a longer time limit", "globals: true, testTimeout: 60000", "pass"),
  jest({}, { testPathIgnorePatterns: ["b\\.test"] }, "testPathIgnorePatterns", "fail"),
  jest({}, { testPathIgnorePatterns: ["/dist/"] }, "testPathIgnorePatterns of a build", "pass"),
  jest(
    {},
    { moduleNameMapper: { "^chai$": "<rootDir>/chai.js" } },
    "moduleNameMapper of a library of assertions",
    "ask"
  ),
  jest(
    {},
    { moduleNameMapper: { "\\.css$": "<rootDir>/test/mocks/style.js" } },
    "moduleNameMapper of styles",
    "note"
  ),
  jest(
    { coverageThreshold: { global: { lines: 90 } } },
    { coverageThreshold: { global: { lines: 50 } } },
    "coverageThreshold",
    "ask"
  ),
  jest({}, { testRunner: "./runner.js" }, "a runner of its own", "ask"),
  config(".mocharc.json", "{}", '{ "grep": "easy" }', "grep", "ask"),
  config(".mocharc.yml", "{}\n", "retries: 2\n", "retries", "ask"),
  config(
    "package.json",
    '{"name":"x"}',
    '{"name":"x","files":["src/a.ts"],"eslintIgnore":["a"],"ignore":["src/b.test.ts"]}',
    "ignore and files of other tools",
    "pass"
  ),
  config(
    "package.json",
    '{"name":"x"}',
    '{"name":"x","devDependencies":{"vitest":"file:./fake"}}',
    "a runner from the repository",
    "ask"
  ),
  config(
    "package.json",
    '{"name":"x"}',
    '{"name":"x","devDependencies":{"vitest":"^4.0.0"}}',
    "a runner from the registry",
    "pass"
  ),
  added(".npmrc", "script-shell=/bin/true\n", "scripts run nothing", "fail"),
  added(".npmrc", "script-shell=/bin/bash\n", "scripts run in bash", "note"),
  added(".npmrc", "node-options=--import=./quiet.mjs\n", "Node loads a file first", "ask"),
  added(".npmrc", "node-options=--max-old-space-size=4096\n", "Node has more memory", "note"),
  added(".npmrc", "save-exact=true\nregistry=https://registry.example\n", "ordinary settings", "pass"),
  added("pnpm-workspace.yaml", "packages: ['a']\nscriptShell: 'true'\n", "scripts run nothing", "fail"),
  added(
    "node_modules/vitest/index.js",
    "export const expect = () => {}\n",
    "in place of the package",
    "fail"
  ),
  {
    name: "assert from a file of the change's own",
    base: { "test/a.test.js": 'import assert from "node:assert/strict"\n' },
    head: {
      "test/a.test.js": 'import assert from "../tools/assert.js"\n',
      "tools/assert.js": "export default {}\n"
    },
    is: "ask"
  },
  {
    name: "expect from a file that is there already",
    base: { "test/a.test.ts": 'import { describe, expect } from "vitest"\n', "test/expect.ts": "x" },
    head: {
      "test/a.test.ts": 'import { describe } from "vitest"\nimport { expect } from "./expect"\n',
      "test/expect.ts": "x"
    },
    is: "ask"
  },
  {
    name: "expect from a file that extends the real one",
    base: { "test/a.test.ts": 'import { expect } from "vitest"\n' },
    head: {
      "test/a.test.ts": 'import { expect } from "./expect"\n',
      "test/expect.ts": 'import { expect } from "vitest"\n\nexpect.extend({})\n\nexport { expect }\n'
    },
    is: "note"
  },
  {
    name: "another library of assertions",
    base: { "test/a.test.ts": 'import { expect } from "chai"\n' },
    head: { "test/a.test.ts": 'import { expect } from "vitest"\n' },
    is: "pass"
  }
]
