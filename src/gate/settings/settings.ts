/**
 * Rule `settings`: a change to what runs, collects, lints or measures, compared by its meaning: what base and commit would run, not which lines
 * differ. Certain losses fail; what may be meant asks; what is only worth a look is a note.
 */
import type { Change } from "../change.ts"
import type { Finding } from "../finding.ts"
import { cargoFindings } from "./cargo.ts"
import { goFindings } from "./go.ts"
import { isLinterFile, linterFindings } from "./linters.ts"
import { npmFindings } from "./npm.ts"
import { pytestFiles, pytestFindings } from "./pytest.ts"
import { pytestHookFindings } from "./pytestHooks.ts"
import { isRunnerFile, scriptRunnerFindings } from "./scriptRunners.ts"
import { shadowFindings } from "./shadows.ts"
import { folderOf, nameOf, type Sides } from "./sides.ts"

/** Untouched files of the base whose settings decide together with those that the change touches: read them before `settingsFindings`. */
export const settingsBeside = (change: Change, baseFiles: ReadonlyArray<string>): ReadonlyArray<string> => {
  const isPytest = (path: string) => pytestFiles.some((name) => name === nameOf(path))
  const touched = change.files.flatMap(({ oldPath = [], path }) => [path, oldPath].flat())
  const folders = new Set(touched.filter(isPytest).map(folderOf))
  return baseFiles.filter((path) => isPytest(path) && folders.has(folderOf(path)) && !touched.includes(path))
}

/** Whether rule `settings` reads the file and compares it by meaning. */
export const isComparedSettings = (path: string): boolean => isLinterFile(path) || isRunnerFile(path)

const maxFindings = 30

export const settingsFindings = (sides: Sides): ReadonlyArray<Finding> => {
  const found = [
    ...pytestFindings(sides),
    ...pytestHookFindings(sides),
    ...shadowFindings(sides.change),
    ...npmFindings(sides),
    ...scriptRunnerFindings(sides),
    ...cargoFindings(sides),
    ...goFindings(sides),
    ...linterFindings(sides)
  ]
  const rank = ({ asks, isNote }: Finding) => (isNote === true ? 2 : asks === true ? 1 : 0)
  return found.toSorted((a, b) => rank(a) - rank(b)).slice(0, maxFindings)
}
