import { assert, describe, it } from "@effect/vitest"

import type { Check } from "../../src/gate/checks.ts"
import { checksOfFiles, tellingPaths } from "../../src/gate/discover/discover.ts"
import { readGateFile } from "../../src/gate/gateFile.ts"

type Texts = Readonly<Record<string, string>>

const found = (paths: ReadonlyArray<string>, texts: Texts = {}, hasProgram?: (name: string) => boolean) =>
  checksOfFiles(
    { paths: [...paths, ...Object.keys(texts)], texts: new Map(Object.entries(texts)) },
    hasProgram
  )

/** `role command`; gofmt's command is long. */
const said = (checks: ReadonlyArray<Check>) =>
  checks.map(({ command, name, role }) => `${role} ${name === "gofmt" ? "gofmt" : command}`)

const json = (value: unknown) => JSON.stringify(value)
const venv = "setup python3 -m venv .venv && echo '*' > .venv/.gitignore && "
const install = `${venv}.venv/bin/python -m pip install -q`

describe("what a project runs that does not say so", () => {
  it.each([
    ["nothing that is known", [], {}, []],
    [
      "a Go module",
      ["go.mod"],
      {},
      ["format gofmt", "lint go vet ./...", "build go build ./...", "test go test ./..."]
    ],
    [
      "a crate",
      ["Cargo.toml"],
      {},
      ["format cargo fmt --check", "build cargo build --all-targets", "test cargo test"]
    ],
    [
      "the scripts that a package has, the placeholder of npm not among them",
      [],
      {
        "package.json": json({
          scripts: { lint: "eslint .", test: 'echo "Error: no test specified" && exit 1', x: "y" }
        })
      },
      ["lint npm run lint"]
    ],
    [
      "no script that mends what it finds or never ends, and what stands in for it",
      [],
      {
        "package.json": json({
          scripts: { lint: "eslint --fix .", test: "vitest --watch", "test:ci": "vitest run" }
        })
      },
      ["test npm run test:ci"]
    ],
    [
      "what is built before what is checked and tested",
      [],
      { "package.json": json({ scripts: { test: "node --test", typecheck: "tsc", build: "tsc -b" } }) },
      ["build npm run build", "build npm run typecheck", "test npm test"]
    ],
    ["a package.json that is broken", [], { "package.json": "{" }, []],
    [
      "Python tests in a folder that is no package",
      ["setup.cfg", "tests/test_a.py"],
      {},
      ["test python3 -m unittest discover -s tests"]
    ],
    [
      "Python tests in a package",
      ["setup.cfg", "tests/__init__.py", "tests/test_a.py"],
      {},
      ["test python3 -m unittest"]
    ],
    [
      "Python tests of pytest that need no installation",
      ["tests/test_a.py"],
      { "pyproject.toml": "[tool.pytest.ini_options]\n" },
      ["test python3 -m pytest -q"]
    ],
    [
      "C and C++",
      [],
      { "CMakeLists.txt": "project(x)\nenable_testing()\n" },
      [
        "build cmake -S . -B build && echo '*' > build/.gitignore && cmake --build build --parallel",
        "test cmake -S . -B build && echo '*' > build/.gitignore && cmake --build build --parallel && ctest --test-dir build --output-on-failure"
      ]
    ]
  ] as const)("finds %s", (_, paths, texts, expected) => {
    assert.deepStrictEqual(said(found(paths, texts)), [...expected])
  })

  it.each([
    ["npm with a lock", ["package-lock.json"], {}, "npm ci --no-audit --no-fund"],
    ["npm without one", [], {}, "npm install --no-audit --no-fund --no-package-lock"],
    ["pnpm", ["pnpm-lock.yaml"], {}, "pnpm install --frozen-lockfile"],
    ["yarn classic", ["yarn.lock"], {}, "yarn install --frozen-lockfile --non-interactive"],
    ["yarn berry", ["yarn.lock", ".yarnrc.yml"], {}, "yarn install --immutable"],
    ["bun", ["bun.lock"], {}, "bun install --frozen-lockfile"],
    [
      "what packageManager names, whatever lies there",
      ["package-lock.json", "yarn.lock"],
      { packageManager: "yarn@4.1.0+sha512.ab" },
      "yarn install --immutable"
    ]
  ] as const)("installs a package by %s", (_, paths, more, expected) => {
    const texts = { "package.json": json({ dependencies: { a: "1" }, ...more }) }
    assert.deepStrictEqual(said(found(paths, texts)), [`setup ${expected}`])
  })

  it("asks npm for a package manager that is not installed, in the version that the project names", () => {
    const manifest = {
      packageManager: "pnpm@9.1.0",
      devDependencies: { a: "1" },
      scripts: { test: "vitest run" }
    }
    assert.deepStrictEqual(
      said(found(["pnpm-lock.yaml"], { "package.json": json(manifest) }, (name) => name === "npm")),
      ["setup npx --yes pnpm@9.1.0 install --frozen-lockfile", "test npx --yes pnpm@9.1.0 test"]
    )
  })

  const pytest = "test .venv/bin/python -m pytest -q"
  it.each([
    [
      "an extra for tests",
      {
        "pyproject.toml":
          "[build-system]\n[project]\nname='x'\n[project.optional-dependencies]\ntest=['pytest']\ndev=['tox']\n"
      },
      [`${install} -e '.[test]'`, pytest]
    ],
    [
      "a dependency group, which an old pip does not know",
      {
        "pyproject.toml":
          "[build-system]\n[project]\nname='x'\n[dependency-groups]\ntests=['pytest', 'ruff']\n[tool.ruff]\n"
      },
      [
        `${venv}.venv/bin/python -m pip install -q --upgrade pip && .venv/bin/python -m pip install -q -e . --group tests`,
        "lint .venv/bin/python -m ruff check .",
        pytest
      ]
    ],
    [
      "lists of requirements",
      { "requirements.txt": "flask\n", "requirements-dev.txt": "pytest\n" },
      [`${install} -r requirements.txt -r requirements-dev.txt`, pytest]
    ],
    [
      "a set-up script, and pytest where the tests say it and no list does",
      { "setup.py": "setup()", "tox.ini": "[testenv]\ncommands = pytest\n" },
      [`${install} -e . pytest`, pytest]
    ],
    [
      "what tox installs",
      {
        "setup.py": "setup()",
        "tox.ini": "[testenv]\ndeps =\n    pytest>=7\n    -r{toxinidir}/x.txt\ncommands = pytest\n"
      },
      [`${install} -e . 'pytest>=7'`, pytest]
    ],
    [
      "uv",
      { "uv.lock": "", "pyproject.toml": "[project]\nname='x'\n[dependency-groups]\ndev=['pytest']\n" },
      ["setup uv sync --frozen", pytest]
    ],
    [
      "Poetry",
      { "poetry.lock": "", "pyproject.toml": "[tool.poetry.group.dev.dependencies]\npytest='*'\n" },
      ["setup POETRY_VIRTUALENVS_IN_PROJECT=true poetry install --no-interaction", pytest]
    ]
  ] as const)("installs a Python project by %s, and tests it with that interpreter", (_, texts, expected) => {
    assert.deepStrictEqual(said(found(["tests/test_a.py"], texts)), [...expected])
  })

  it("installs what uv and Poetry describe by pip where they are not there", () => {
    const texts = {
      "uv.lock": "",
      "pyproject.toml": "[build-system]\n[project]\nname='x'\ndependencies=['pytest']\n"
    }
    assert.deepStrictEqual(said(found(["tests/test_a.py"], texts, () => false)), [`${install} -e .`, pytest])
  })

  it("asks a linter only where the project brings it, or somebody saw it here", () => {
    const texts = { "pyproject.toml": "[tool.ruff]\nline-length = 100\n" }
    assert.deepStrictEqual(said(found([], texts)), [])
    assert.deepStrictEqual(said(found([], texts, (name) => name === "ruff")), ["lint ruff check ."])
  })

  it.each([
    ["that are vendored", { "go.mod": "module x\nrequire y.z/w v1.0.0\n", "vendor/modules.txt": "" }, []],
    ["that are not", { "go.mod": "module x\nrequire y.z/w v1.0.0\n" }, ["go mod download"]],
    [
      "of a crate, as its lock says",
      { "Cargo.toml": "[dependencies]\na = '1'\n", "Cargo.lock": "" },
      ["cargo fetch --locked"]
    ],
    ["of a crate without a lock", { "Cargo.toml": "[dev-dependencies]\na = '1'\n" }, ["cargo fetch"]],
    ["of Maven", { "pom.xml": "<project/>" }, ["sh"]],
    [
      "of Gradle",
      { "build.gradle.kts": "", gradlew: "" },
      ["sh ./gradlew --no-daemon --console=plain -q testClasses"]
    ],
    ["of Bundler", { Gemfile: "" }, ["BUNDLE_PATH=vendor/bundle bundle install"]]
  ] as const)("downloads dependencies %s", (_, texts, expected) => {
    const commands = found([], texts).flatMap(({ command, role }) => (role === "setup" ? [command] : []))
    assert.deepStrictEqual(
      commands.map((command) => (command.startsWith("mvn") ? "sh" : command)),
      [...expected]
    )
  })
})

describe("packages of one repository", () => {
  const manifest = (name: string, more: object = {}) =>
    json({ name, scripts: { test: "node --test" }, ...more })
  const workspace = {
    "package.json": json({ workspaces: ["packages/*", "!packages/old"] }),
    "packages/a/package.json": manifest("@x/a", { dependencies: { "@x/b": "*" } }),
    "packages/b/package.json": manifest("@x/b", { scripts: { test: "node --test", build: "tsc" } }),
    "packages/c/package.json": manifest("@x/c"),
    "packages/old/package.json": manifest("@x/old")
  }

  it("are tested one by one, each where the change reaches it or what it needs", () => {
    const checks = found([], workspace).filter(({ role }) => role === "test")
    assert.deepStrictEqual(
      checks.map(({ command, paths = [] }) => [command, ...paths.filter((glob) => glob.endsWith("/**"))]),
      [
        ["cd packages/b && npm test", "packages/b/**"],
        ["cd packages/a && npm test", "packages/a/**", "packages/b/**"],
        ["cd packages/c && npm test", "packages/c/**"]
      ]
    )
  })

  it("are built where a package that needs them is tested", () => {
    const [build] = found([], workspace).filter(({ role }) => role === "build")
    assert.deepStrictEqual(
      build?.paths?.filter((glob) => glob.endsWith("/**")),
      ["packages/b/**", "packages/a/**"]
    )
  })

  it.each([
    ["npm test --workspaces", "cd packages/b && npm test"],
    ["npm run test -ws --if-present", "cd packages/b && npm test"],
    ["turbo run test", "npm test"],
    ["node --test && npm test --workspaces", "npm test"]
  ])("a script of the root that says %s is run as %s", (test, expected) => {
    const root = json({ workspaces: ["packages/*", "!packages/old"], scripts: { test } })
    const checks = found([], { ...workspace, "package.json": root }).filter(({ role }) => role === "test")
    assert.strictEqual(checks[0]?.command, expected)
  })

  it("of pnpm are those that its own file names", () => {
    const texts = { ...workspace, "package.json": "{}", "pnpm-workspace.yaml": "packages: [packages/c]\n" }
    assert.deepStrictEqual(said(found([], texts)), ["test cd packages/c && pnpm test"])
  })

  it("are asked together where there are too many to tell apart", () => {
    const many = Object.fromEntries(
      Array.from({ length: 30 }, (_, index) => [`packages/p${index}/package.json`, manifest(`p${index}`)])
    )
    const checks = found([], { "package.json": json({ workspaces: ["packages/*"] }), ...many })
    assert.deepStrictEqual(
      said(checks).filter((line) => line.startsWith("test")),
      ["test npm run test --workspaces --if-present"]
    )
  })

  it("are modules of Go: one beside the root is asked when it or what it requires changes", () => {
    const texts = {
      "go.mod": "module x.y/root\n",
      "tools/go.mod": "module x.y/tools\n",
      "plugin/go.mod": "module x.y/plugin\n\nrequire (\n\tx.y/root v0.0.0\n)\nreplace x.y/root => ../\n",
      "internal/testdata/go.mod": "module broken\n"
    }
    const tests = found(["tools/a_test.go", "plugin/b_test.go"], texts).filter(({ role }) => role === "test")
    assert.deepStrictEqual(
      tests.map(({ command, paths }) => [command, paths?.[0]]),
      [
        ["go test ./...", undefined],
        ["cd tools && go test ./...", "tools/**"],
        ["cd plugin && go test ./...", "**/*.go"]
      ]
    )
  })

  it("are crates of a workspace, whatever the path by which they need each other", () => {
    const texts = {
      "Cargo.toml": "[workspace]\nmembers = ['crates/*']\n",
      "crates/a/Cargo.toml": "[package]\nname='a'\n[dependencies]\nb = { path = '../b' }\n",
      "crates/b/Cargo.toml": "[package]\nname='b'\n"
    }
    assert.deepStrictEqual(
      found([], texts).flatMap(({ command, paths, role }) =>
        role === "test" ? [[command, ...(paths ?? []).slice(0, 2)]] : []
      ),
      [
        ["cd crates/a && cargo test", "crates/a/**", "crates/b/**"],
        ["cd crates/b && cargo test", "crates/b/**", "Cargo.toml"]
      ]
    )
  })

  it("are members of a workspace of uv, tested with its interpreter", () => {
    const texts = {
      "pyproject.toml": "[project]\nname='root'\n[tool.uv.workspace]\nmembers=['libs/*']\n",
      "libs/a/pyproject.toml": "[project]\nname='a'\ndependencies=['pytest']\n",
      "uv.lock": ""
    }
    const checks = found(["libs/a/tests/test_a.py", "libs/a/conftest.py"], texts)
    assert.deepStrictEqual(said(checks), [
      "setup uv sync --frozen --all-packages",
      "test cd libs/a && ../../.venv/bin/python -m pytest -q"
    ])
  })

  it("are folders that are projects, where the root is none", () => {
    const texts = {
      "backend/go.mod": "module x\n",
      "web/package.json": json({ scripts: { test: "node --test" } }),
      "web/node_modules/y/package.json": json({ scripts: { test: "z" } })
    }
    assert.deepStrictEqual(
      found([], texts).map(({ command, paths }) => [command.replace(/^.*gofmt.*$/u, "gofmt"), paths]),
      [
        ["gofmt", ["backend/**"]],
        ["cd backend && go vet ./...", ["backend/**"]],
        ["cd backend && go build ./...", ["backend/**"]],
        ["cd backend && go test ./...", ["backend/**"]],
        ["cd web && npm test", ["web/**"]]
      ]
    )
  })

  it("bring no check that the gate file would refuse", () => {
    const checks = found([], { ...workspace, "pnpm-workspace.yaml": "packages: ['packages/*']\n" })
    const text = json({
      checks: checks.map(({ command, name, paths, role }) => ({
        name,
        role,
        command,
        ...(paths && { paths })
      }))
    })
    assert.strictEqual(readGateFile(text)._tag, "Success")
  })
})

describe("the files that tell", () => {
  it("are those of the root and manifests of folders, but for what was copied in", () => {
    assert.deepStrictEqual(
      tellingPaths([
        "package.json",
        "README.md",
        "a/package.json",
        "node_modules/b/package.json",
        "a/testdata/go.mod",
        "a/setup.cfg"
      ]),
      ["package.json", "a/package.json", "a/setup.cfg"]
    )
  })
})
