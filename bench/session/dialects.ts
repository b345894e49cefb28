/** The steps of a session as each agent's tools say them. */
import type { Session, Step } from "./Session.ts"

export interface Call {
  readonly name: string
  readonly arguments: Readonly<Record<string, unknown>>
}

export interface Dialect {
  readonly call: (step: Step, folder: string) => Call
  /** The last call; absent where the agent ends with its words. */
  readonly end?: (session: Session) => Call
}

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

/** An edit as a program, for agents that have a shell and nothing else. */
const editByPython = ({ old, path, new: text }: Extract<Step, { do: "edit" }>): string =>
  `python3 - <<'EDIT'\npath = ${JSON.stringify(path)}\ntext = open(path).read()\nold = ${JSON.stringify(old)}\nnew = ${JSON.stringify(text)}\nassert text.count(old) == 1\nopen(path, "w").write(text.replace(old, new))\nEDIT`

const lines = (text: string, sign: string) =>
  text
    .replace(/\n$/u, "")
    .split("\n")
    .map((line) => `${sign}${line}`)
    .join("\n")

const editByPatch = ({ old, path, new: text }: Extract<Step, { do: "edit" }>): string =>
  `apply_patch <<'PATCH'\n*** Begin Patch\n*** Update File: ${path}\n@@\n${lines(old, "-")}\n${lines(text, "+")}\n*** End Patch\nPATCH`

const inShell = (edit: (step: Extract<Step, { do: "edit" }>) => string, search: string) => (step: Step) => {
  switch (step.do) {
    case "list":
      return "git ls-files"
    case "search":
      return `${search} ${quoted(step.pattern)} .`
    case "read":
      return `sed -n ${step.from},${step.from + step.lines - 1}p ${step.path}`
    case "run":
      return step.command
    case "edit":
      return edit(step)
  }
}

const foreman: Dialect = {
  call: (step) => {
    switch (step.do) {
      case "list":
        return { name: "bash", arguments: { command: "git ls-files" } }
      case "search":
        return { name: "grep", arguments: { pattern: step.pattern } }
      case "read":
        return { name: "read_file", arguments: { path: step.path, offset: step.from, limit: step.lines } }
      case "run":
        return { name: "bash", arguments: { command: step.command } }
      case "edit":
        return {
          name: "str_replace",
          arguments: { path: step.path, old_string: step.old, new_string: step.new }
        }
    }
  },
  end: ({ end }) => ({
    name: "submit_result",
    arguments: { verdict: "GO", summary: end, commit_message: end, test_changes: end }
  })
}

const opencode: Dialect = {
  call: (step, folder) => {
    switch (step.do) {
      case "list":
        return { name: "glob", arguments: { pattern: "**/*" } }
      case "search":
        return { name: "grep", arguments: { pattern: step.pattern } }
      case "read":
        return {
          name: "read",
          arguments: { filePath: `${folder}/${step.path}`, offset: step.from, limit: step.lines }
        }
      case "run":
        return { name: "bash", arguments: { command: step.command } }
      case "edit":
        return {
          name: "edit",
          arguments: { filePath: `${folder}/${step.path}`, oldString: step.old, newString: step.new }
        }
    }
  }
}

const codexShell = inShell(editByPatch, "grep -rn --exclude-dir=.git")
const miniShell = inShell(editByPython, "grep -rn --exclude-dir=.git")

export const dialects = {
  foreman,
  opencode,
  codex: { call: (step) => ({ name: "exec_command", arguments: { cmd: codexShell(step) } }) },
  "mini-swe-agent": {
    call: (step) => ({ name: "bash", arguments: { command: miniShell(step) } }),
    end: () => ({ name: "bash", arguments: { command: "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT" } })
  }
} as const satisfies Readonly<Record<string, Dialect>>
export type AgentName = keyof typeof dialects
