/** The files of a good change, with both texts and the lines that it added. */
import type { GoodFile } from "./derive/derive.ts"
import { git } from "./git.ts"
import type { Scratch } from "./Scratch.ts"

const addedLines = (patch: string): ReadonlyArray<number> =>
  [...patch.matchAll(/^@@ -\S+ \+(\d+)(?:,(\d+))? @@/gmu)].flatMap(([, start = "0", count = "1"]) =>
    Array.from({ length: Number(count) }, (_, index) => Number(start) + index)
  )

export const goodFiles = async (
  scratch: Scratch,
  base: string,
  commit: string
): Promise<ReadonlyArray<GoodFile>> => {
  const listed = await git(scratch.dir, ["diff", "--no-renames", "--name-only", "-z", base, commit])
  const paths = listed.split("\0").filter((path) => path !== "")
  return Promise.all(
    paths.map(async (path) => ({
      path,
      before: await scratch.text(base, path),
      after: await scratch.text(commit, path),
      addedLines: addedLines(
        await git(scratch.dir, ["diff", "--no-renames", "-U0", base, commit, "--", `:(literal)${path}`])
      )
    }))
  )
}
