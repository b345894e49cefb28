/** The static half over the mainline of every project of the first half. */
import { cloneOf } from "./clones.ts"
import { mainline } from "./history.ts"
import type { Project } from "./List.ts"
import { keyOf, type Outcome } from "./outcomes.ts"
import { isFixSubject } from "./rule.ts"
import type { Runner } from "./Runner.ts"
import { openStatic } from "./staticHalf.ts"

/** Of each project, in so many rounds, so that a run that is ended early has seen something of all. */
const commits = 75
export const rounds = [15, 40, commits]

/** The newest `count` commits of a project. */
export const runStatic = async (
  project: Project,
  count: number,
  { build, folder, isEnded, store, tell }: Runner
): Promise<void> => {
  const { head, language, repository } = project
  const clone = await cloneOf(folder, repository)
  if ("notObtainable" in clone) return tell(`${repository}: not obtainable: ${clone.notObtainable}`)
  const pairs = await mainline(clone.dir, head, language, count)
  const look = await openStatic(clone.dir)
  for (const { base, commit, subject } of pairs) {
    if (isEnded()) return
    const outcome = {
      kind: "static",
      build,
      repository,
      language,
      commit,
      subject,
      isFix: isFixSubject(subject),
      seconds: 0
    } as const
    if (store.get(keyOf(outcome)) !== undefined) continue
    const startedAt = performance.now()
    const said: Pick<Outcome, "found" | "error"> = await look(base, commit).then(
      (found) => ({ found }),
      (error: unknown) => ({ found: [], error: String(error).slice(0, 500) })
    )
    store.add({ ...outcome, ...said, seconds: (performance.now() - startedAt) / 1000 })
  }
  tell(`${repository}: ${pairs.length} commits`)
}
