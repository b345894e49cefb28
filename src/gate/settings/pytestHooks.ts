/** Hooks of pytest, in a conftest or a plugin, that change what a failure comes to, how the run ends, or which tests run. */
import type { ChangedFile } from "../change.ts"
import type { Finding } from "../finding.ts"
import { field, nodes, type SyntaxNode } from "../weakened/syntax.ts"
import { say, type Sides, type Weight } from "./sides.ts"

interface Hook {
  readonly name: string
  readonly node: SyntaxNode
}

/** Functions of any class or module with the name of a hook. */
const hooksOf = (root: SyntaxNode | undefined): ReadonlyArray<Hook> =>
  root === undefined
    ? []
    : [...nodes(root)].flatMap((node) => {
        const name = node.type === "function_definition" ? (field(node, "name")?.text ?? "") : ""
        return name.startsWith("pytest_") ? [{ name, node }] : []
      })

/** Nobody writes longer hooks by hand. */
const maxCode = 20_000

const code = (node: SyntaxNode): string =>
  node.text
    .slice(0, maxCode)
    .replaceAll(/#[^\n]*/gu, "")
    .replaceAll(/\s+/gu, " ")

/** Below a condition that looks at options, the environment or the platform: its usual form is to choose, not to hide. */
const isChosen = (hook: SyntaxNode): boolean =>
  /\b(?:getoption|getvalue|getini|option\.\w|environ|getenv|platform|sys\.version_info|is_available|find_spec|importorskip)\b/u.test(
    code(hook)
  )

/** What each hook must not do, from the worst on. */
const deeds: ReadonlyArray<{
  readonly hooks: RegExp
  readonly form: RegExp
  readonly weight: Weight
  readonly how: string
}> = [
  {
    hooks:
      /^pytest_(?:runtest_makereport|runtest_logreport|report_teststatus|exception_interact|make_collect_report|collectreport)$/u,
    form: /\.outcome ?= ?["'](?:passed|skipped)["']|\.longrepr ?= ?None\b|\.excinfo ?= ?None\b|outcome ?= ?["'](?:passed|skipped)["']|\.(?:failed|passed) ?= ?(?:True|False)|setattr\([^)]{0,300}["'](?:outcome|longrepr|excinfo)["']|__dict__/u,
    weight: "fail",
    how: "changes the outcome of a test that failed"
  },
  {
    hooks:
      /^pytest_(?:sessionfinish|unconfigure|terminal_summary|runtest_\w+|sessionstart|configure|keyboard_interrupt|cmdline_main|collection_finish|collection)$/u,
    form: /\bos\._exit\(|\bos\.kill\(|\bsys\.exit\( ?(?:0|None|False)? ?\)|\bexitstatus ?= ?(?!=)|\bpytest\.exit\([^)]{0,300}(?:returncode ?= ?)?\b0 ?\)|\btestsfailed ?= ?(?!=)|\bsetattr\([^)]{0,300}["'](?:exitstatus|testsfailed)["']|ExitCode\.OK(?! ?[):]? ?(?:and|or|:))/u,
    weight: "fail",
    how: "decides how the run ends"
  },
  {
    hooks: /^pytest_(?:pyfunc_call|runtest_protocol|runtest_call|runtestloop|cmdline_main)$/u,
    form: /\breturn True\b|\breturn 0\b|force_result\(|force_exception\(|excinfo ?= ?None|\bexcept\b[^:]*:(?! ?raise)/u,
    weight: "ask",
    how: "runs tests in a way of its own"
  },
  {
    hooks: /^pytest_(?:collection_modifyitems|itemcollected|pycollect_\w+|collect_file|generate_tests)$/u,
    form: /\bitems\[:\] ?=|\bitems\.(?:clear|remove|pop)\(|\bdel items\b|pytest_deselected|\bkeep\w*\b.*items/u,
    weight: "ask",
    how: "leaves tests out"
  },
  {
    hooks: /^pytest_(?:collection_modifyitems|itemcollected|runtest_setup|runtest_call)$/u,
    form: /\badd_marker\([^)]{0,300}(?:skip|xfail)|\bpytest\.(?:skip|xfail)\(/u,
    weight: "ask",
    how: "skips tests"
  },
  {
    hooks: /^pytest_(?:ignore_collect|pycollect_makeitem|collect_directory)$/u,
    form: /\breturn (?:True|None|\[\])/u,
    weight: "ask",
    how: "keeps files from being collected"
  },
  {
    hooks: /^pytest_(?:load_initial_conftests|cmdline_preparse|configure|addoption)$/u,
    form: /\bargs(?:\[:\])? ?= |\bargs\.(?:append|extend|insert)\(|\boption\.(?:keyword|markexpr|collectonly|ignore|deselect|maxfail) ?= /u,
    weight: "ask",
    how: "changes the options of pytest"
  }
]

const findingsOf = (file: ChangedFile, hook: Hook): ReadonlyArray<Finding> => {
  const text = code(hook.node)
  const found = deeds.find(({ form, hooks }) => hooks.test(hook.name) && form.test(text))
  if (found === undefined) return []
  const weight = found.weight === "ask" && isChosen(hook.node) ? "note" : found.weight
  return [{ ...say(file, weight, `${hook.name} ${found.how}`), line: hook.node.line }]
}

/** Names of files that the change adds to what is never collected. */
const ignoredFindings = (file: ChangedFile): ReadonlyArray<Finding> => {
  const assigned = (text: string | undefined) =>
    /^collect_ignore(?:_glob)?\b[^\n]*(?:\n[ \t\])][^\n]*)*/mu.exec(text ?? "")?.[0]
  const [before, after] = [assigned(file.before), assigned(file.after)]
  if (after === undefined || after === before) return []
  const known = new Set(before?.match(/["'][^"']+["']/gu))
  const added = (after.match(/["'][^"']+["']/gu) ?? []).filter((name) => !known.has(name))
  return added.length === 0
    ? []
    : [say(file, "ask", `pytest is told not to collect ${added.join(", ").slice(0, 100)}`, "collect_ignore")]
}

export const pytestHookFindings = ({ change, parse }: Sides): ReadonlyArray<Finding> =>
  change.files.flatMap((file): ReadonlyArray<Finding> => {
    if (!file.path.endsWith(".py") || file.after === undefined || file.status === "deleted") return []
    const ignored = file.path.endsWith("conftest.py") ? ignoredFindings(file) : []
    if (!/\bdef pytest_/u.test(file.after)) return ignored
    const known = new Set(
      hooksOf(file.before === undefined ? undefined : parse("python", file.before)).map(({ node }) =>
        code(node)
      )
    )
    const hooks = hooksOf(parse("python", file.after)).filter(({ node }) => !known.has(code(node)))
    return [...ignored, ...hooks.flatMap((hook) => findingsOf(file, hook))]
  })
