/** What each rule of the policy asks for, in the words of a report. A rule without words here is named by its id alone. */

interface RuleText {
  /** A few words for a heading. */
  readonly title: string
  /** One sentence: what was found, and what to do. */
  readonly help: string
}

const texts: { readonly [rule: string]: RuleText } = {
  hollow: {
    title: "A test passes without the change",
    help: "A changed or added test passes without the change. Make it fail for the code as it was before."
  },
  weakened: {
    title: "A test checks less than before",
    help: "Assertions were removed or relaxed, or tests were skipped or deleted. Restore what they checked."
  },
  protected: {
    title: "What decides about changes was changed",
    help: "CI, release, gate or policy files, or what the checks run, were changed. Let a person change them."
  },
  dirty: {
    title: "A check left the tree changed",
    help: "After the checks a file differs from the commit. Commit what the check makes, or have git ignore it."
  },
  flaky: {
    title: "A test comes and goes",
    help: "The change brings a test that sometimes passes and sometimes fails. Make it independent of time and order."
  },
  untested: {
    title: "Production changed, and no test did",
    help: "Production code changed and no test is part of the change. Add a test that fails without it."
  },
  unused: {
    title: "Nothing names the new code",
    help: "A new top-level name or file is named nowhere else. Use it, or remove it."
  },
  settings: {
    title: "A setting lets less be tested or checked",
    help: "A setting of a test runner, linter or type checker changed so that less is checked. Restore it."
  },
  stored: {
    title: "Stored expectations changed",
    help: "Golden files, snapshots or test data changed with the code. Look at whether the new ones are right."
  },
  suppressed: {
    title: "A warning was suppressed",
    help: "A comment that silences a linter or type checker was added. Mend what it warns about."
  },
  unparsable: {
    title: "A source file does not parse",
    help: "A changed source file has a syntax error. Mend it."
  },
  exitForged: {
    title: "The exit status of the tests is not to be believed",
    help: "A test that must fail did not. Something ends the runner early or hides failures: remove it."
  },
  unexamined: {
    title: "Nothing examined a changed file",
    help: "No check covers the file. Add a check, or say with paths what the checks cover."
  },
  unproved: {
    title: "Nothing proved that the tests can fail",
    help: "No assertion could be negated to see a test fail. Add a test with a plain assertion."
  },
  "check/format": { title: "Formatting", help: "The check of formatting failed. Run the formatter." },
  "check/lint": { title: "Lint", help: "A linter or a look at documents failed. Mend what it names." },
  "check/build": { title: "Build", help: "The build failed." },
  "check/test": { title: "Tests", help: "A check that runs tests failed." },
  "check/codegen": { title: "Generated code", help: "A generator failed or its output is stale. Run it." },
  "check/other": { title: "Check", help: "A check failed." },
  gate: { title: "Nothing was judged", help: "The gate could not judge the change. The message says why." }
}

/** `check/<role>` for checks, the words of the policy for findings, `gate` for a gate that judged nothing. */
export const ruleText = (rule: string): RuleText =>
  (Object.hasOwn(texts, rule) ? texts[rule] : undefined) ?? { title: rule, help: `See the rule ${rule}.` }
