/** Which program is asked: what has another hash is asked again. */
import { createHash } from "node:crypto"
import { globSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"

import { foreman } from "./throughGate.ts"

const root = join(import.meta.dirname, "..", "..")

const hashOf = (files: ReadonlyArray<string>): string => {
  const hash = createHash("sha256")
  for (const file of files.toSorted()) hash.update(readFileSync(file))
  return hash.digest("hex").slice(0, 12)
}

/** Of the bundle and its chunks, or of the one file that `FOREMAN` names. */
export const buildOfProgram = (): string => {
  const file = foreman().at(-1) ?? ""
  const chunks = globSync("chunks/**/*.mjs", { cwd: join(file, "..") }).map((each) => join(file, "..", each))
  return hashOf([file, ...chunks.filter((each) => statSync(each).isFile())])
}

/** Of the sources that the static half runs. */
export const buildOfSources = (): string =>
  hashOf(
    ["src/gate/**/*.ts", "src/stages/**/*.ts", "layers/gate/**/*.ts"]
      .flatMap((each) => globSync(each, { cwd: root }))
      .map((each) => join(root, each))
  )
