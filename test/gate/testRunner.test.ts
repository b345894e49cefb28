import { assert, describe, it } from "@effect/vitest"

import { saysNothing } from "../../src/gate/runners/TestRunner.ts"
import { isTestCheck, namedBy, runnerOf } from "../../src/gate/testRunner.ts"

const file = (path: string, ...tests: ReadonlyArray<string>) => ({ path, tests })
/** Node's runner has a reporter of our own, a module in a URL. */
const withReporter = (command: string | undefined) =>
  command?.replace(/'--test-reporter=data:[^']*'/u, "--test-reporter=OURS")

const makefile = `PYTHON ?= python3
.PHONY: test
test: build
\t@$(PYTHON) -m pytest -q
build:
\ttrue
twice:
\tcd a && go test ./...
\tgo test ./...
piped:
\tgo test ./... | tee log
`
const packageJson = JSON.stringify({
  scripts: {
    test: "vitest run --coverage",
    pretest: "npm run build",
    node: 'node --test "test/**/*.test.js"'
  }
})

describe("the command for some files only", () => {
  it.each([
    [
      "go test ./...",
      file("pkg/a/a_test.go", "TestA", "TestB"),
      "go test -vet=off -count=1 -json -run '^(TestA|TestB)$' ./pkg/a"
    ],
    [
      "cd web && CGO_ENABLED=0 go test -race -v -timeout 30s ./...",
      file("web/a_test.go", "TestA"),
      "cd web && CGO_ENABLED=0 go test -race -timeout 30s -vet=off -count=1 -json -run '^(TestA)$' ."
    ],
    [
      "python3 -m pytest -q -p no:cacheprovider --maxfail 1 tests",
      file("tests/test_a.py"),
      "python3 -m pytest -p no:cacheprovider -vv -rA --tb=line --show-capture=no --continue-on-collection-errors tests/test_a.py"
    ],
    [
      "uv run pytest -m 'not slow'",
      file("tests/test_a.py"),
      "uv run pytest -m 'not slow' -vv -rA --tb=line --show-capture=no --continue-on-collection-errors tests/test_a.py"
    ],
    ["python3 -m unittest", file("test_a.py"), "python3 -m unittest discover -v -p test_a.py"],
    [
      "python3 -m unittest discover -s tests",
      file("tests/test_a.py"),
      "python3 -m unittest discover -v -s tests -p test_a.py"
    ],
    ["python -m unittest tests.test_a", file("tests/test_a.py"), "python -m unittest -v tests.test_a"],
    ["python -m unittest test_a", file("src/test_a.py"), "python -m unittest -v test_a"],
    ["npx ava test/*.js", file("test/a.js"), "npx ava --tap test/a.js"],
    ["npx tape 'test/*.js'", file("test/a.js"), "npx tape test/a.js"],
    [
      "go test -skip Slow ./...",
      file("pkg/a/a_test.go", "TestA"),
      "go test -skip Slow -vet=off -count=1 -json -run '^(TestA)$' ./pkg/a"
    ],
    ["cargo test --locked --quiet", file("tests/ranges.rs"), "cargo test --locked --test ranges"],
    [
      "cargo test --workspace",
      file("core/tests/a/main.rs"),
      "cargo test --manifest-path core/Cargo.toml --test a"
    ],
    ["cargo test", file("src/net/tcp.rs"), "cargo test -- net::tcp::"],
    ["cargo test", file("src/net/mod.rs"), "cargo test -- net::"],
    ["cargo test", file("src/lib.rs"), "cargo test --lib"],
    ["cargo test", file("src/main.rs"), "cargo test --bins"],
    ["cargo test", file("src/bin/twice.rs"), "cargo test --bin twice"],
    [
      "cargo test",
      file("core/src/bin/twice/main.rs"),
      "cargo test --manifest-path core/Cargo.toml --bin twice"
    ],
    ["node --test", file("test/a.test.js"), "node --test --test-reporter=OURS test/a.test.js"],
    [
      "node --import ./x.js --test --test-reporter spec 'test/**/*.js'",
      file("test/a.js"),
      "node --import ./x.js --test --test-reporter=OURS test/a.js"
    ],
    ["npx vitest", file("src/a.test.ts"), "npx vitest run --reporter=tap-flat src/a.test.ts"],
    ["jest --silent", file("a.test.js"), "jest --verbose --runTestsByPath a.test.js"],
    ["mocha --recursive -t 100 test", file("test/a.js"), "mocha -t 100 --reporter=tap test/a.js"],
    [
      "make test",
      file("tests/test_a.py"),
      "make build && python3 -m pytest -vv -rA --tb=line --show-capture=no --continue-on-collection-errors tests/test_a.py"
    ],
    [
      "npm test",
      file("a.test.ts"),
      `export PATH="$PWD/node_modules/.bin:$PATH"; npm run build && vitest run --reporter=tap-flat a.test.ts`
    ],
    [
      "npm run --silent node",
      file("test/a.test.js"),
      `export PATH="$PWD/node_modules/.bin:$PATH"; node --test --test-reporter=OURS test/a.test.js`
    ]
  ])("of %s", (command, subject, narrowed) => {
    const made = runnerOf({ command }, { makefile, packageJson })?.narrow([subject])
    assert.strictEqual(withReporter(made), narrowed)
  })

  it.each(["go test ./...", "pytest", "node --test", "npx vitest", "jest", "mocha"])(
    "of %s is none where a toolchain would not take it",
    (command) => {
      const runner = runnerOf({ command }, {})
      const names = Array.from({ length: 600 }, (_, n) => `TestOfSomethingWithALongName${n}`)
      const paths = names.map((name) => `test/${name}_test.go`)
      assert.isUndefined(runner?.narrow(names.map((name, n) => ({ path: paths[n] ?? "", tests: [name] }))))
      const failures = names.map((name, n) => ({ id: name, name, place: paths[n] }))
      assert.isUndefined(runner?.only(failures))
      assert.isUndefined(runner?.except(failures))
    }
  )

  it.each([
    "go test ./... | tee log",
    "go test ./... || true",
    "go test -run TestA ./...",
    "cargo test --lib",
    "cargo test some_name",
    "python3 -m unittest -k some",
    "node --test --test-name-pattern=a",
    "vitest -t name",
    "sh test.sh",
    "$RUNNER",
    "go test $(go list ./...)",
    "make twice",
    "make piped",
    "make unknown",
    "npm run unknown",
    "cd .. && go test ./...",
    ""
  ])("is not known of %s", (command) => {
    assert.isUndefined(runnerOf({ command }, { makefile, packageJson }))
  })
})

describe("JUnit by Maven and Gradle", () => {
  const shop = file("src/test/java/x/ShopTest.java")
  const ofModule = file("core/src/test/kotlin/x/CartSpec.kt")
  const narrowed = (command: string, ...files: ReadonlyArray<ReturnType<typeof file>>) =>
    runnerOf({ command }, {})?.narrow(files)?.split("; ")[1]

  it.each([
    [
      "mvn -B -q verify",
      [shop],
      "mvn -B -DfailIfNoTests=false -Dsurefire.failIfNoSpecifiedTests=false -Dtest=ShopTest test"
    ],
    [
      "sh ./mvnw test",
      [ofModule],
      "sh ./mvnw -pl core -am -DfailIfNoTests=false -Dsurefire.failIfNoSpecifiedTests=false -Dtest=CartSpec test"
    ],
    ["./gradlew check", [shop], "./gradlew --continue :cleanTest :test --tests ShopTest"],
    ["gradle test", [ofModule], "gradle --continue :core:cleanTest :core:test --tests CartSpec"]
  ] as const)("%s runs the classes of some files", (command, files, expected) => {
    assert.strictEqual(narrowed(command, ...files), expected)
  })

  it.each([
    "mvn -Dtest=A test",
    "mvn -DskipTests package",
    "mvn compile",
    "gradle test --tests A",
    "gradle assemble"
  ])("%s is not known as one that runs all tests", (command) => {
    assert.isUndefined(runnerOf({ command }, {}))
  })

  it("tells tests apart by the reports that both write", () => {
    const output = `[INFO] Tests run: 4
<testcase name="one" classname="x.ShopTest" time="0.1"/>
<testcase name="rows(int)[1]" classname="x.ShopTest" time="0">
<failure message="expected: &lt;6&gt; but was: &lt;3&gt;" type="org.opentest4j.AssertionFailedError">
<testcase name="later()" classname="x.ShopTest" time="0">
<skipped message="x"/>
`
    assert.deepStrictEqual(
      runnerOf({ command: "mvn test" }, {})
        ?.read(output)
        ?.map(({ name, outcome }) => `${outcome} ${name}`),
      ["passed one", "failed rows", "skipped later"]
    )
    assert.isUndefined(
      runnerOf({ command: "mvn test" }, {})?.read("[ERROR] COMPILATION ERROR\nBUILD FAILURE\n")
    )
  })

  it.each([
    ["mvn test", "[ERROR] x.ShopTest.count -- Time elapsed: 0.01 s <<< FAILURE!\n", "ShopTest#count"],
    ["mvn test", "[ERROR] count(x.ShopTest)  Time elapsed: 0.004 s  <<< ERROR!\n", "ShopTest#count"],
    ["gradle test", "ShopTest > count() FAILED\n    org.opentest4j.AssertionFailedError\n", "ShopTest.count"]
  ])("%s names what failed in %j", (command, output, id) => {
    assert.deepStrictEqual(
      runnerOf({ command }, {})
        ?.failures(output)
        .map((failure) => failure.id),
      [id]
    )
  })
})

describe("CTest", () => {
  const command = "cmake -S . -B build && ctest --test-dir build --output-on-failure"
  const output = `Test project /src/build
    Start 1: shop
1/3 Test #1: shop .............................   Passed    0.00 sec
2/3 Test #2: cart .............................***Failed    0.01 sec
3/3 Test #3: later ............................***Skipped   0.00 sec

67% tests passed, 1 tests failed out of 3

The following tests FAILED:
\t  2 - cart (Failed)
`

  it("reads what became of its tests, runs those that failed, and runs without them", () => {
    const runner = runnerOf({ command }, {})
    assert.deepStrictEqual(
      runner?.read(output)?.map(({ name, outcome }) => `${outcome} ${name}`),
      ["passed shop", "failed cart", "skipped later"]
    )
    const failures = runner?.failures(output) ?? []
    assert.deepStrictEqual(
      [runner?.only(failures), runner?.except(failures)],
      [`${command} -R '^(cart)$'`, `${command} -E '^(cart)$'`]
    )
  })

  it("does not guess which of its tests a file is", () => {
    assert.isUndefined(runnerOf({ command }, {})?.narrow([file("test/shop_test.c")]))
  })
})

describe("scripts of other folders", () => {
  const script = (name: string, test: string) => JSON.stringify({ name, scripts: { test } })
  const recipes = {
    packageJson: JSON.stringify({ scripts: { test: "npm test --workspaces" } }),
    packages: new Map([
      ["packages/a", script("@x/a", "node --test")],
      ["packages/b", script("@x/b", "vitest run")]
    ])
  }
  const path = `export PATH="$PWD/node_modules/.bin:$PWD/../node_modules/.bin:$PWD/../../node_modules/.bin:$PATH"; `
  const ofA = `cd packages/a && ${path}node --test --test-reporter=OURS test/a.test.js`

  it.each([
    "npm test",
    "npm test --workspaces",
    "npm run test -ws --if-present",
    "npm test -w packages/a",
    "npm test --workspace=@x/a",
    "npm --prefix packages/a test",
    "pnpm -r test",
    "pnpm -r --if-present run test",
    "pnpm --filter @x/a test",
    "pnpm -C packages/a run test",
    "npx --yes pnpm@9.1.0 -C packages/a test",
    "yarn workspace @x/a test",
    "yarn workspaces foreach -A run test",
    "yarn workspaces run test",
    "cd packages/a && npm test"
  ])("are found behind %s", (command) => {
    const narrowed = withReporter(runnerOf({ command }, recipes)?.narrow([file("packages/a/test/a.test.js")]))
    // A script of the root has its own programs first.
    assert.strictEqual(
      narrowed?.replace(/^export PATH="\$PWD\/node_modules\/\.bin:\$PATH"; (?=cd )/u, ""),
      ofA
    )
  })

  it("are run each in its folder where files of several are asked", () => {
    const files = [file("packages/a/test/a.test.js"), file("packages/b/b.test.ts")]
    assert.strictEqual(
      withReporter(runnerOf({ command: "npm test -ws" }, recipes)?.narrow(files)),
      `(${ofA}) && (cd packages/b && ${path}vitest run --reporter=tap-flat b.test.ts)`
    )
  })

  it.each([
    "npm test -w packages/none",
    "pnpm --filter nobody test",
    "cd packages/c && npm test",
    "bun test"
  ])("are not guessed behind %s", (command) => {
    assert.isUndefined(runnerOf({ command }, recipes))
  })
})

describe("whether a command is sure to collect a file", () => {
  it.each([
    ["go test ./...", "a/b/c_test.go", true],
    ["go test ./a", "a/b/c_test.go", false],
    ["npx mocha 'test/*.test.js'", "test/a.test.js", true],
    ["npx mocha 'test/*.test.js'", "test/b/a.test.js", false],
    ["npx vitest run a", "a.test.js", false],
    ["go test ./a/...", "a/b/c_test.go", true],
    ["go test ./...", "a/testdata/c_test.go", false],
    ["go test", "a/c_test.go", false],
    ["pytest", "tests/test_a.py", true],
    ["pytest", "tests/a_checks.py", false],
    ["pytest tests/unit", "tests/test_a.py", false],
    ["python3 -m unittest discover -s tests", "tests/test_a.py", true],
    ["python3 -m unittest discover -s tests", "tests/a_test.py", false],
    ["python3 -m unittest discover -s tests", "tests/sub/test_a.py", false],
    ["python3 -m unittest tests.test_a", "tests/test_a.py", true],
    ["node --test", "checks/a.spec.js", false],
    ["node --test", "src/a.test.js", true],
    ["node --test 'test/**/*.test.js'", "test/deep/a.test.js", true],
    ["node --test 'test/*.test.js'", "test/deep/a.test.js", false],
    ["vitest", "src/a.test.ts", true],
    ["vitest", "src/a.ts", false]
  ])("%s: %s: %s", (command, path, isSure) => {
    assert.strictEqual(runnerOf({ command }, {})?.surelyCollects(path), isSure)
  })
})

describe("what a runner says of each test", () => {
  it.each([
    [
      "go test",
      `{"Action":"run","Test":"TestA"}\n{"Action":"pass","Test":"TestA"}\n{"Action":"skip","Test":"TestB/sub"}\n{"Action":"fail","Package":"p"}\n`,
      ["passed TestA", "skipped TestB/sub"]
    ],
    [
      "pytest",
      "tests/test_a.py::test_c SKIPPED (later) [ 66%]\nPASSED tests/test_a.py::TestX::test_a[1-2]\nFAILED tests/test_a.py::test_b - assert 1 == 2\nSKIPPED [1] tests/test_a.py:3: later\n= 1 failed, 1 passed, 1 skipped in 0.1s =\n",
      ["passed test_a", "failed test_b", "skipped tests/test_a.py:3:", "skipped test_c"]
    ],
    [
      "python -m unittest",
      "test_a (test_a.T.test_a) ... ok\ntest_b (test_a.T.test_b)\nWhat it is about. ... FAIL\ntest_c (test_a.T.test_c) ... skipped 'later'\n\nRan 3 tests in 0.001s\n",
      ["passed test_a", "failed test_b", "skipped test_c"]
    ],
    [
      "cargo test",
      "test tests::a ... ok\ntest b - should panic ... FAILED\ntest c ... ignored\ntest result: FAILED.\n",
      ["passed a", "failed b", "skipped c"]
    ],
    [
      "node --test",
      "TAP version 13\n# Subtest: suite\n    ok 1 - inner \\# one\n    1..1\nnot ok 1 - suite\nok 2 - later # TODO\nok 3 - gone # SKIP why\n1..3\n",
      ["passed inner # one", "failed suite", "skipped later", "skipped gone"]
    ],
    [
      "vitest",
      "TAP version 13\n1..2\nok 1 - a.test.ts > suite > fine # time=0.49ms\nnot ok 2 - a.test.ts > bad # time=1ms\n",
      ["passed fine", "failed bad"]
    ],
    [
      "jest",
      "FAIL ./a.test.js\n  ✓ fine (2 ms)\n  suite\n    ✕ bad\n    ○ skipped gone\n\nTests:       1 failed, 1 passed\n",
      ["passed fine", "failed bad", "skipped gone"]
    ]
  ])("%s", (command, output, said) => {
    const outcomes = runnerOf({ command }, {})?.read(output)
    assert.deepStrictEqual(
      outcomes?.map(({ name, outcome }) => `${outcome} ${name}`),
      said
    )
  })

  it.each(["go test", "pytest", "python -m unittest", "cargo test", "node --test", "vitest", "jest"])(
    "%s: something else says nothing",
    (command) => {
      assert.isUndefined(runnerOf({ command }, {})?.read("Segmentation fault\n"))
    }
  )
})

describe("tests that failed, alone and left out", () => {
  it.each([
    [
      "go test ./...",
      "--- FAIL: TestA (0.00s)\n    --- FAIL: TestA/sub (0.00s)\nFAIL\nFAIL\tacme/a\t0.003s\nok  \tacme/b\t0.1s\n",
      "go test -count=1 -run '^(TestA)$' acme/a",
      "go test -count=1 -skip '^(TestA)$' ./..."
    ],
    [
      "pytest -q tests",
      "FAILED tests/test_a.py::T::test_b[x y] - assert\nERROR tests/test_c.py\n1 failed\n",
      "pytest 'tests/test_a.py::T::test_b[x y]' tests/test_c.py",
      "pytest --deselect 'tests/test_a.py::T::test_b[x y]' --ignore tests/test_c.py tests"
    ],
    [
      "cargo test -q",
      "---- tests::b stdout ----\nfailures:\n    tests::b\n",
      "cargo test -- --exact tests::b",
      "cargo test -- --exact --skip tests::b"
    ],
    ["python3 -m unittest", "FAIL: test_b (test_a.T.test_b)\n", "python3 -m unittest -k test_b", undefined],
    [
      "vitest",
      " FAIL  a.test.ts > suite > it (is) so\n",
      "vitest run -t '(?:it \\(is\\) so)$'",
      "vitest run -t '^(?!.*(?:it \\(is\\) so)$)'"
    ]
  ])("of %s", (command, output, alone, without) => {
    const runner = runnerOf({ command }, {})
    const failures = runner?.failures(output) ?? []
    assert.strictEqual(runner?.only(failures), alone)
    assert.strictEqual(runner?.except(failures), without)
  })
})

describe("a check of tests", () => {
  it.each([
    [{ name: "x", command: "true", role: "test" as const }, true],
    [{ name: "test", command: "true", role: "lint" as const }, false],
    [{ name: "unit-tests", command: "true" }, true],
    [{ name: "latest", command: "true" }, false],
    [{ name: "any", target: "test", command: "make test" }, true]
  ])("%j: %s", (check, isOne) => {
    assert.strictEqual(isTestCheck(check), isOne)
  })

  it("names the scripts that it runs", () => {
    assert.isTrue(namedBy([{ command: "cd x; sh ./test.sh" }]).has("test.sh"))
  })
})

describe("a run that says itself that it had no test", () => {
  it.each([
    ["testing: warning: no tests to run\nok a 0.1s", true],
    ["?   	acme	[no test files]", true],
    ["running 0 tests\n\ntest result: ok. 0 passed", true],
    ["running 0 tests\n\ntest result: ok. 0 passed\n\nrunning 1 test\n", false],
    ["", false],
    ["ok  	acme	0.1s", false]
  ])("%j: %s", (output, is) => {
    assert.strictEqual(saysNothing(output), is)
  })
})
