/** Tests that this machine skips because they are for another one: another platform, or another version of the language. */
import type { DeclaredTest } from "./testText.ts"

/** `@skipIf(…)`, `test.skipIf(…)`, `it.runIf(…)`, and the condition of Go's `t.Skip` and of Rust's `cfg`. */
const skips =
  /\b(?:skip_?(?:if|unless)|run_?if)\s*\(\s*(?<called>[^\n]+)|\bif (?<tested>[^{\n]+)\{\s*(?:t|b|suite\.T\(\))\.Skip|#\[cfg(?:_attr)?\((?<built>[^\n]+)/giu
export const ofMachine =
  /\bsys\.(?:version|platform|implementation)|\bplatform\.|\bos\.name\b|\bprocess\.(?:version|platform|arch)|\bruntime\.(?:GOOS|GOARCH|Version)|\btarget_\w+|\b(?:windows|win32|darwin|macos|linux|pypy)\b/iu

/** A condition that is a name means what the file puts into that name. */
const isOfMachine = (condition: string, text: string): boolean => {
  if (ofMachine.test(condition)) return true
  const name = /^[\w.]+/u.exec(condition)?.[0].split(".").at(-1) ?? ""
  const set = new RegExp(String.raw`^(?:const |let |var )?${name}\s*:?=\s*(.+)$`, "mu").exec(text)?.[1]
  return name !== "" && set !== undefined && ofMachine.test(set)
}

/** Whether a test of the file `text` is skipped by what the machine is. Words, not syntax: asked of tests that did not run. */
export const isForAnotherMachine = (text: string, { from, to }: DeclaredTest): boolean => {
  const own = text
    .split("\n")
    .slice(from - 1, to)
    .join("\n")
  return [...own.matchAll(skips)].some(({ groups = {} }) =>
    isOfMachine(groups["called"] ?? groups["tested"] ?? groups["built"] ?? "", text)
  )
}
