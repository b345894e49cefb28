import type { Case } from "../settings.test.ts"

const files = { "src/lib.rs": "", "tests/shop.rs": "" }
const manifest = '[package]\nname = "shop"\nversion = "0.1.0"\n'
const cargo = (name: string, after: string, is: Case["is"], before = manifest): Case => ({
  name: `Cargo.toml: ${name}`,
  base: { ...files, "Cargo.toml": before },
  head: { ...files, "Cargo.toml": after },
  is
})
const config = (name: string, text: string, is: Case["is"]): Case => ({
  name: `.cargo/config.toml: ${name}`,
  base: files,
  head: { ...files, ".cargo/config.toml": text },
  is
})

export const rust: ReadonlyArray<Case> = [
  cargo("autotests = false", `${manifest}autotests = false\n`, "fail"),
  cargo(
    "autotests = false with each test named",
    `${manifest}autotests = false\n\n[[test]]\nname = "shop"\n`,
    "note"
  ),
  cargo(
    "harness = false of a test that was there",
    `${manifest}\n[[test]]\nname = "shop"\nharness = false\n`,
    "ask"
  ),
  cargo("harness = false of a new test", `${manifest}\n[[test]]\nname = "ui"\nharness = false\n`, "note"),
  cargo("harness = false of a bench", `${manifest}\n[[bench]]\nname = "b"\nharness = false\n`, "pass"),
  cargo("test = false of the library", `${manifest}\n[lib]\ntest = false\n`, "ask"),
  cargo("doctest = false", `${manifest}\n[lib]\ndoctest = false\n`, "ask"),
  cargo(
    "a dependency and a version",
    `${manifest.replace("0.1.0", "0.2.0")}\n[dependencies]\nserde = "1"\n`,
    "pass"
  ),
  cargo(
    "a lint allowed",
    `${manifest}\n[lints.clippy]\nneedless_return = "allow"\n`,
    "note",
    `${manifest}\n[lints.clippy]\nneedless_return = "deny"\n`
  ),
  cargo("all lints allowed", `${manifest}\n[lints.clippy]\nall = "allow"\n`, "ask"),
  config("a runner that runs nothing", '[target.x86_64-unknown-linux-gnu]\nrunner = "true"\n', "fail"),
  config("a runner", '[target.wasm32-unknown-unknown]\nrunner = "wasm-bindgen-test-runner"\n', "ask"),
  config("a wrapper of the compiler", '[build]\nrustc-wrapper = "./wrap.sh"\n', "ask"),
  config(
    "a linker and flags",
    '[target.x86_64-unknown-linux-gnu]\nlinker = "clang"\nrustflags = ["-C", "target-cpu=native"]\n',
    "pass"
  ),
  config("an alias", '[alias]\nxtask = "run -p xtask --"\n', "pass"),
  {
    name: "nextest tries again",
    base: { ...files, ".config/nextest.toml": "" },
    head: { ...files, ".config/nextest.toml": "[profile.default]\nretries = 3\n" },
    is: "ask"
  }
]
