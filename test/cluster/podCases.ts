/** What a gate in a pod is asked to judge, as cases of the corpus: the shell ones that lie there, attacks, and what passes a limit. */
import type { GateLimit } from "../../schema/Result.ts"
import { type Case, loadCases } from "../corpus/Case.ts"
import { attempts, base as attackedBase } from "../gate/attacks.ts"

const language = "shell"
const named = (name: string, rest: Omit<Case, "language" | "name">): Case => ({
  ...rest,
  language,
  name: `${language}/${name.toLowerCase().replaceAll(/[^a-z0-9]+/gu, "-")}`
})

const attacks = attempts.map(({ code, name, script, verdict }) =>
  named(`${name} and exits ${code}`, {
    class: "forged",
    title: `A check that ${name}`,
    base: attackedBase,
    change: { "attack.sh": `${script}\n`, code: `${code}\n` },
    expect: { verdict, ...(verdict === "GATE-FAIL" && { because: "check:attacked" as const }) }
  })
)

/** The judge is still there after what was greedy: one more check runs. */
const gateFile = (timeout: string) => `checks:
  - { name: greedy, role: lint, command: sh greedy.sh, timeout: ${timeout} }
  - { name: after, role: lint, command: echo after }
`

/** What stops each script, and the reason where the base is as greedy. */
const greed: { readonly [L in GateLimit]: readonly [script: string, reason: string] } = {
  time: ["sleep 600", "CheckTimedOut"],
  output: ["yes flood", "TooMuchOutput"],
  memory: ["exec tail /dev/zero", "OutOfMemory"],
  // A swarm that does not double: the node has other work, too.
  processes: ["while :; do sleep 60 & done", "TooManyProcesses"],
  // Beside the work folder, where git does not clean.
  disk: ['exec cat /dev/zero >"$HOME/big"', "DiskFull"]
}

const limits = Object.entries(greed).map(([limit, [script]]) =>
  named(`greedy of ${limit}`, {
    class: "hog",
    title: `A check that passes its limit of ${limit}`,
    base: {
      "greedy.sh": "true\n",
      ".foreman/gate.yaml": gateFile(limit === "time" ? "2s" : "30s")
    },
    change: { "greedy.sh": `${script}\n` },
    expect: { verdict: "GATE-FAIL", because: `limit:${limit as GateLimit}` }
  })
)

/** The base is as greedy: nobody is judged. */
export const shared = Object.entries(greed).map(([limit, [script, reason]]) => ({
  reason,
  each: named(`greedy of ${limit} like its base`, {
    class: "red-base",
    title: `A check that passes its limit of ${limit} on the base as well`,
    base: {
      "greedy.sh": `${script}\n`,
      ".foreman/gate.yaml": gateFile(limit === "time" ? "2s" : "20s")
    },
    change: { "docs/how.md": "# How\n\nWith care.\n" },
    expect: { verdict: "GATE-ERROR" }
  })
}))

/** Lanes that stand still end at the limit of their check, and the base's do not. */
const frozen = named("stops all that it sees", {
  class: "forged",
  title: "A check that stops all that it sees, the shell that waits for it too",
  base: {
    ...attackedBase,
    ".foreman/gate.yaml": `policy: { protected: warn }\n${gateFile("5s")}`,
    "greedy.sh": "true\n"
  },
  change: { "greedy.sh": "kill -STOP -1\n" },
  expect: { verdict: "GATE-FAIL", because: "limit:time" }
})

/** Nobody but its owner could look at what is left, and the owner locked it. */
const locking = named("locks its folder and files", {
  class: "forged",
  title: "A check that fails, and leaves a folder that cannot be read nor moved aside",
  base: attackedBase,
  change: {
    "attack.sh": `mkdir -p build/locked; chmod 000 build/locked a.txt
for n in $(seq 40); do mkdir -p "../repository.$n/x"; done; chmod 000 .. .\n`,
    code: "1\n"
  },
  expect: { verdict: "GATE-FAIL", because: "check:attacked" }
})

const shell = loadCases().filter((each) => each.language === language && each.machine !== false)

/** As the corpus grades them. */
export const judged: ReadonlyArray<Case> = [...shell, ...attacks, ...limits, frozen, locking]
