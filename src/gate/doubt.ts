/** Changes whose tests may honestly pass without them here: what they fix shows on another machine, or only now and then. */
import type { Change, ChangedFile } from "./change.ts"
import { ofMachine } from "./elsewhere.ts"
import { isTestPath } from "./files.ts"

/** Locks, channels, threads, timers. */
const concurrent =
  /<-|\bsync\.\w|\b(?:Mutex|RWMutex|RwLock|Semaphore|Condvar)\b|\batomic\b|\bAtomic\w+|\bthread(?:ing|s)?\b|\bgo func\b|\.(?:R?Lock|R?Unlock|acquire|release)\(|\bset(?:Timeout|Immediate|Interval)\(|\bnextTick\(|\bPromise\.race\(|\bsynchronized\b/u

const added = ({ addedLines, after = "" }: ChangedFile): ReadonlyArray<string> => {
  const lines = after.split("\n")
  return addedLines
    .map((number) => lines[number - 1] ?? "")
    .filter((line) => !/^\s*(?:\/\/|#(?!\[)|\*)/u.test(line))
}

/** Why it cannot be told here; undefined where the change gives no cause for it. Words, not syntax: a person is asked. */
export const doubtOf = ({ files }: Change): string | undefined => {
  const product = files.filter(({ path }) => !isTestPath(path))
  if (files.some((file) => added(file).some((line) => /^\s*(?:el)?if\b/u.test(line) && ofMachine.test(line))))
    return "the change tells machines apart, and this may be another one"
  return product.some((file) => added(file).some((line) => concurrent.test(line)))
    ? "the change is about what runs at the same time, and may show now and then only"
    : undefined
}
