/** Stored expectations that the change rewrites or deletes: golden files, snapshots, test data. They follow a regression as gladly as a fix. */
import type { Change, ChangedFile } from "./change.ts"
import { isTestPath, languageOf } from "./files.ts"
import type { Finding } from "./finding.ts"

/** By the name of the file or of a folder, whatever it is made of. */
const byName =
  /\.(?:snap|golden|approved\.\w+|expected|ambr|stdout|stderr|trycmd|out|baseline|ref)$|(?:^|\/)(?:__snapshots__|__image_snapshots__|snapshots?|golden(?:s|files?)?|testdata|baselines?|cassettes|approvals?)\//iu
/** In a folder of tests, what is not code is data. */
const testFolder = /(?:^|\/)(?:tests?|__tests__|specs?|e2e|fixtures?|__fixtures__)\//u
/** Settings and documents that lie beside tests. */
const beside =
  /(?:^|\/)(?:package(?:-lock)?\.json|[tj]sconfig[^/]*\.json|pyproject\.toml|Cargo\.(?:toml|lock)|go\.(?:mod|sum)|\.[^/]+|[^/]*\.(?:md|rst|lock|cfg|ini|config\.\w+)|requirements[^/]*\.txt|Dockerfile|Makefile|CMakeLists\.txt|BUILD(?:\.bazel)?)$/u

const isStored = ({ oldPath, path }: ChangedFile): boolean =>
  [path, oldPath ?? path].some(
    (one) =>
      !beside.test(one) &&
      (byName.test(one) ? !isRunnable(one) : testFolder.test(one) && languageOf(one) === undefined)
  )

/** A test of its own in such a folder is compared as a test. */
const isRunnable = (path: string): boolean =>
  languageOf(path) !== undefined && isTestPath(path) && /(?:^|[/._-])test/u.test(path.replace(/^.*\//u, ""))

const maxNamed = 10

/** A new one is not a changed one, and one that only moved says what it said. */
export const storedChanges = (change: Change): ReadonlyArray<Finding> => {
  const touched = change.files.filter((file) => {
    if (file.status === "added" || !isStored(file)) return false
    return !(file.status === "renamed" && file.addedLines.length + file.removedLines.length === 0)
  })
  // Additions alone leave what was expected as it was.
  const changed = touched.filter(
    (file) => file.status === "deleted" || file.removedLines.length > 0 || file.after === undefined
  )
  const more = changed.length - maxNamed
  return changed.slice(0, maxNamed).map((file, index): Finding => {
    const rest = more > 0 && index === 0 ? ` (and ${more} more are not named here)` : ""
    const line = file.addedLines[0]
    return {
      rule: "stored",
      file: file.path,
      ...(line !== undefined && file.status !== "deleted" && { line }),
      message: `a stored expectation ${file.status === "deleted" ? "is gone" : "changed"}: compare it with what the task asks for${rest}`
    }
  })
}
