/** Build constraints of Go (go.dev/cmd/go, "Build constraints"): whether a plain `go test` on some usual platform takes the file. */

/** Tags that hold somewhere without a flag: platforms, the compiler, cgo, releases. */
const held =
  /^(?:linux|darwin|windows|freebsd|netbsd|openbsd|unix|amd64|arm64|386|arm|riscv64|ppc64le|s390x|cgo|gc|go1(?:\.\d+)?)$/u

const maxTokens = 200

/** `//go:build` lines: `!`, `&&`, `||` and parentheses. What cannot be read holds. A platform's negation holds, too: on another one. */
const evaluate = (text: string): boolean => {
  const tokens = text.match(/[\w.]+|!|&&|\|\||[()]/gu)?.slice(0, maxTokens) ?? []
  let at = 0
  const primary = (isNegated: boolean): boolean => {
    const token = tokens[at++]
    if (token === "!") return primary(!isNegated)
    if (token === "(") {
      const value = any()
      at += 1
      return isNegated ? !value : value
    }
    return token === undefined || held.test(token) || isNegated
  }
  const all = (): boolean => {
    let value = primary(false)
    while (tokens[at] === "&&") {
      at += 1
      value = primary(false) && value
    }
    return value
  }
  const any = (): boolean => {
    let value = all()
    while (tokens[at] === "||") {
      at += 1
      value = all() || value
    }
    return value
  }
  return any()
}

/** Old lines: words of one line are alternatives, commas within a word join. */
const evaluateOld = (text: string): boolean =>
  text
    .trim()
    .split(/\s+/u)
    .some((word) => word.split(",").every((tag) => tag.startsWith("!") || held.test(tag)))

/** Whether a comment keeps its file out of a plain `go test` everywhere. */
export const isExcluding = (comment: string): boolean => {
  const expression = /^\/\/go:build (.*)$/u.exec(comment)?.[1]
  if (expression !== undefined) return !evaluate(expression)
  const old = /^\/\/ \+build (.*)$/u.exec(comment)?.[1]
  return old !== undefined && !evaluateOld(old)
}
