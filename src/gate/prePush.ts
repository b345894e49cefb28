/** The protocol of git's pre-push hook, and the hook itself. */
import { quoted } from "./quoted.ts"

export interface Push {
  /** What is pushed, such as `refs/heads/fix` or `HEAD`; `(delete)` for a deletion. */
  readonly localRef: string
  /** Its commit, or the object of a tag. Zeros for a deletion. */
  readonly localId: string
  readonly remoteRef: string
  /** What the remote has there now. Zeros for a new ref. */
  readonly remoteId: string
}

const isNothing = (id: string): boolean => /^0+$/u.test(id)
const idForm = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/u

/** One line for each ref: four words. A line that is not of that form is left out. */
export const readPushes = (text: string): ReadonlyArray<Push> =>
  text.split("\n").flatMap((line): ReadonlyArray<Push> => {
    const [localRef = "", localId = "", remoteRef = "", remoteId = ""] = line.trim().split(" ")
    return idForm.test(localId) && idForm.test(remoteId) && remoteRef !== ""
      ? [{ localRef, localId, remoteRef, remoteId }]
      : []
  })

/** Tags and notes say nothing that a gate judges, and what is deleted is not judged. */
export const isBranchPush = ({ localId, remoteRef }: Push): boolean =>
  !isNothing(localId) && remoteRef.startsWith("refs/heads/")

/** By this line `foreman gate hook uninstall` knows its own. */
export const mark = "# Written by foreman gate hook install."

/** `program` starts foreman where it is not on the PATH; without one the push goes on, and the hook says so. */
export const script = (program: ReadonlyArray<string> = []): string =>
  [
    "#!/bin/sh",
    mark,
    "# Judges each branch that is pushed, as foreman gate does. git push --no-verify goes past it.",
    'if command -v foreman >/dev/null 2>&1; then exec foreman gate hook run "$@"; fi',
    ...(program.length === 0
      ? []
      : [
          `if [ -e ${quoted(program.at(-1) ?? "")} ]; then exec ${program.map(quoted).join(" ")} gate hook run "$@"; fi`
        ]),
    'echo "foreman is not on the PATH: this push is not judged" >&2',
    ""
  ].join("\n")
