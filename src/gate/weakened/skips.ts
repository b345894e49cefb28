/** What a condition of a skip says of an ordinary run: always true, true unless somebody sets something, or true on some platforms. */
import type { Skip } from "./testCase.ts"

const alwaysTrue = /^\(*(?:true|1|1===?1|!0|!false|not false|"[^"]+")\)*$|!testing\.Verbose\(\)/u
const alwaysFalse = /^\(*(?:false|0|nil|!1|!true|not true|"")\)*$/u

/** A variable of the environment, or a feature of a crate: nobody sets what only this test asks for. */
const unset =
  /process\.env|import\.meta\.env|\benviron\b|\b[Gg]et[Ee]nv\b|\bgetenv\b|LookupEnv|\benv::var|Deno\.env|\bfeature\s*=/u

/** True on all but old versions of the language: `sys.version_info[:2] >= (3, 9)`. */
const onNew =
  /^\(*(?:sys\.version_info(?:\[[^\]]*\])?(?:>=?|!=)|!\(*sys\.version_info(?:\[[^\]]*\])?(?:<=?|==))\([\d,]+\)\)*$/u

/** `condition` as comparable text (`show`), true where the test is left out. */
export const skipOn = (how: string, condition: string): Skip | undefined => {
  if (alwaysFalse.test(condition)) return undefined
  if (alwaysTrue.test(condition)) return { how, isConditional: false }
  return {
    how,
    isConditional: true,
    ...(unset.test(condition) && { isUnset: true as const }),
    ...(onNew.test(condition) && { isOld: true as const })
  }
}

/** Whether a test that ends early on this condition runs only where somebody asks for it. */
export const isGuard = (condition: string): boolean => alwaysTrue.test(condition) || unset.test(condition)

/** The condition of a runner that takes the condition under which the test does run. */
export const not = (condition: string): string =>
  alwaysTrue.test(condition) ? "false" : alwaysFalse.test(condition) ? "true" : `!${condition}`
