/** Settings of Cargo and nextest: targets that are no longer tested, and programs that run in place of a test or a compiler. */
import type { ChangedFile } from "../change.ts"
import type { Finding } from "../finding.ts"
import { folderOf, say, settingsAt, type Sides, some } from "./sides.ts"
import { at, isTable, leaves, type Value } from "./value.ts"

/** Programs that do nothing with what they are given. */
const doesNothing = /^(?:\/(?:usr\/)?bin\/)?(?:true|echo|:|printf|test|false|cat)$/u

const first = (value: Value): string =>
  Array.isArray(value) ? String(value[0] ?? "") : (String(value).split(" ")[0] ?? "")

/** `.cargo/config.toml`: who runs the tests, and who compiles. */
const configFindings = (
  file: ChangedFile,
  before: Value | undefined,
  after: Value
): ReadonlyArray<Finding> => {
  const known = new Map(leaves(before ?? {}).map(([path, value]) => [path.join("."), JSON.stringify(value)]))
  return leaves(after).flatMap(([path, value]): ReadonlyArray<Finding> => {
    const key = path.at(-1) ?? ""
    const where = path.join(".")
    if (known.get(where) === JSON.stringify(value)) return []
    if (
      /^(?:runner|rustc|rustc-wrapper|rustc-workspace-wrapper|linker|rustdoc)$/u.test(key) &&
      /^(?:target|build)$/u.test(path[0] ?? "")
    ) {
      if (key === "linker") return []
      const isFalse = key === "runner" && doesNothing.test(first(value))
      return [
        say(
          file,
          isFalse ? "fail" : "ask",
          `${where} = ${JSON.stringify(value)}: cargo runs this in place of what it built or the compiler`,
          key
        )
      ]
    }
    if (
      path[0] === "env" &&
      /^(?:CARGO_TARGET_\w+_RUNNER|RUSTC(?:_\w+)?|RUST_TEST_\w+|CARGO_BUILD_\w+)/u.test(path[1] ?? "")
    )
      return [say(file, "ask", `${where} changes how tests are built or run`, path[1])]
    return path[0] === "alias" && /^(?:t|test|nextest)$/u.test(path[1] ?? "")
      ? [say(file, "ask", `alias ${path[1]} = ${JSON.stringify(value)}`, path[1])]
      : []
  })
}

const targetsOf = (manifest: Value | undefined, kind: string): ReadonlyMap<string, Value> => {
  const found = at(manifest, kind)
  if (!Array.isArray(found)) return new Map()
  return new Map(
    found.map((target: Value) => [String(at(target, "name") ?? at(target, "path") ?? ""), target])
  )
}

const switches = ["autotests", "autoexamples"] as const

/** `Cargo.toml`: which targets `cargo test` takes. */
const manifestFindings = (
  sides: Sides,
  file: ChangedFile,
  before: Value | undefined,
  after: Value
): ReadonlyArray<Finding> => {
  if (before === undefined) return []
  const found: Array<Finding> = []
  const folder = folderOf(file.path)
  for (const key of switches) {
    const [was, is] = [before, after].map((side) => at(side, "package", key))
    if (is !== false || was === false) continue
    const named = [...targetsOf(after, "test").values()].map((target) =>
      String(at(target, "path") ?? `tests/${String(at(target, "name"))}.rs`)
    )
    const lost = sides.baseFiles.filter(
      (path) =>
        path.startsWith(`${folder}tests/`) &&
        /^tests\/[^/]+(?:\.rs|\/main\.rs)$/u.test(path.slice(folder.length)) &&
        sides.commitFiles.includes(path) &&
        !named.includes(path.slice(folder.length))
    )
    if (key === "autotests") {
      const message =
        lost.length === 0 ? "cargo looks for no test files by itself" : `cargo no longer runs ${some(lost)}`
      found.push(say(file, lost.length === 0 ? "note" : "fail", `${key} = false: ${message}`, key))
    }
  }
  for (const kind of ["lib", "test", "bin"]) {
    const [was, is] =
      kind === "lib"
        ? [before, after].map((side) => new Map([["", at(side, "lib") ?? {}]]))
        : [before, after].map((side) => targetsOf(side, kind))
    for (const [name, target] of is ?? []) {
      for (const key of ["test", "harness", "doctest"]) {
        if (
          at(target, key) !== false ||
          at(was?.get(name), key) === false ||
          (kind === "bin" && key !== "test")
        )
          continue
        const path = `${folder}${String(at(target, "path") ?? `tests/${name}.rs`)}`
        const isNew =
          kind === "test" &&
          !sides.baseFiles.includes(path) &&
          !sides.baseFiles.includes(`${folder}tests/${name}/main.rs`)
        const message = `[${kind}]${name === "" ? "" : ` ${name}`} ${key} = false: ${key === "harness" ? "what it exits with is its own word" : "cargo test leaves it out"}`
        found.push(say(file, isNew || kind === "bin" ? "note" : "ask", message, key))
      }
      const needed = at(target, "required-features")
      if (
        kind === "test" &&
        needed !== undefined &&
        was?.has(name) === true &&
        JSON.stringify(at(was.get(name), "required-features")) !== JSON.stringify(needed)
      )
        found.push(say(file, "note", `[test] ${name} is built with some features only`, "required-features"))
    }
  }
  return found
}

const nextestFindings = (
  file: ChangedFile,
  before: Value | undefined,
  after: Value
): ReadonlyArray<Finding> => {
  const known = new Map(leaves(before ?? {}).map(([path, value]) => [path.join("."), JSON.stringify(value)]))
  return leaves(after).flatMap(([path, value]): ReadonlyArray<Finding> => {
    const key = path.at(-1) ?? ""
    if (known.get(path.join(".")) === JSON.stringify(value)) return []
    if (key === "default-filter" || key === "retries" || (key === "count" && path.includes("retries")))
      return [
        say(file, "ask", `${path.join(".")} = ${JSON.stringify(value)}: tests are selected or repeated`, key)
      ]
    return key.includes("run-wrapper") || path.includes("wrappers")
      ? [say(file, "ask", `${path.join(".")} runs in place of the tests`, key)]
      : []
  })
}

export const cargoFindings = (sides: Sides): ReadonlyArray<Finding> =>
  sides.change.files.flatMap((file): ReadonlyArray<Finding> => {
    const isManifest = /(?:^|\/)Cargo\.toml$/u.test(file.path)
    const isConfig = /(?:^|\/)\.cargo\/config(?:\.toml)?$/u.test(file.path)
    const isNextest = /(?:^|\/)(?:\.config\/)?nextest\.toml$/u.test(file.path)
    if (!isManifest && !isConfig && !isNextest) return []
    const [before, after] = settingsAt(sides, file.path)
    if (after === undefined || !isTable(after)) return []
    return isManifest
      ? manifestFindings(sides, file, before, after)
      : isConfig
        ? configFindings(file, before, after)
        : nextestFindings(file, before, after)
  })
