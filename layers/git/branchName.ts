/** Which names git takes for a branch: git-check-ref-format(1), without starting git to ask. */

const forbidden = /[\p{Cc} ~^:?*[\\]|\.\.|@\{/u
const isComponent = (part: string): boolean => part !== "" && !part.startsWith(".") && !part.endsWith(".lock")

/** Stricter than git in one point: a name that begins like an option is none. */
export const isBranchName = (name: string): boolean =>
  !forbidden.test(name) && !name.startsWith("-") && !name.endsWith(".") && name.split("/").every(isComponent)
