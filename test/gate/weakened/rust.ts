import type { Case } from "./pair.ts"

const path = "src/cart.rs"

const code = `pub fn total(items: &[i32]) -> i32 {
    items.iter().sum()
}

pub fn title(name: &str) -> Result<String, Error> {
    if name.is_empty() {
        return Err(Error::Empty);
    }
    Ok(name.to_string())
}
`
const unit = (body: string) => `${code}
#[cfg(test)]
mod tests {
    use super::*;

${body}}
`
const row = (name: string, before: string, after: string, is: Case["is"], says?: string): Case => ({
  name: `rust: ${name}`,
  base: { [path]: unit(before) },
  head: { [path]: unit(after) },
  is,
  ...(says !== undefined && { says })
})

const two = `    #[test]
    fn adds_up() {
        assert_eq!(total(&[1, 2]), 3);
        assert_eq!(total(&[]), 0, "none");
    }
`
const one = (body: string, attributes = "") =>
  `    #[test]\n${attributes}    fn one() {\n        ${body}\n    }\n`

export const rust: ReadonlyArray<Case> = [
  row(
    "an assertion removed",
    two,
    two.replace('        assert_eq!(total(&[]), 0, "none");\n', ""),
    "finding",
    "checks 1 thing less"
  ),
  row("ignored", two, two.replace("#[test]\n", "#[test]\n    #[ignore]\n"), "finding", "skipped now"),
  row("no test any more", two, two.replace("    #[test]\n", ""), "finding", "no longer collected"),
  row(
    "assert_eq became assert",
    two,
    two.replace("assert_eq!(total(&[1, 2]), 3)", "assert!(total(&[1, 2]) > 0)"),
    "finding",
    "asks for less"
  ),
  row(
    "assert_eq became assert_ne",
    two,
    two.replace("assert_eq!(total(&[1, 2]), 3)", "assert_ne!(total(&[1, 2]), 0)"),
    "finding",
    "asks for less"
  ),
  row(
    "assert!(true)",
    two,
    two.replace("assert_eq!(total(&[1, 2]), 3)", "assert!(true)"),
    "finding",
    "always holds"
  ),
  row("expectation bent", two, two.replace(", 3)", ", 4)"), "finding", "expects something else"),
  row(
    "a wrapped expectation bent",
    one('assert_eq!(title("x"), Ok("x".to_string()));'),
    one('assert_eq!(title("x"), Ok("y".to_string()));'),
    "finding",
    "expects something else"
  ),
  row(
    "unwrapped to is_some",
    one('assert_eq!(find("x"), Some(3));'),
    one('assert!(find("x").is_some());'),
    "finding",
    "asks for less"
  ),
  row(
    "tolerance widened",
    one("assert!((mean(&x) - 2.5).abs() < 0.001);"),
    one("assert!((mean(&x) - 2.5).abs() < 0.5);"),
    "finding",
    "asks for less"
  ),
  row(
    "expected panic dropped",
    one('title("").unwrap();', '    #[should_panic(expected = "empty")]\n'),
    one('title("").unwrap();', "    #[should_panic]\n"),
    "finding",
    "asks for less"
  ),
  row(
    "a case of rstest removed",
    "    #[rstest]\n    #[case(&[1, 2], 3)]\n    #[case(&[], 0)]\n    fn adds(#[case] items: &[i32], #[case] want: i32) {\n        assert_eq!(total(items), want);\n    }\n",
    "    #[rstest]\n    #[case(&[1, 2], 3)]\n    fn adds(#[case] items: &[i32], #[case] want: i32) {\n        assert_eq!(total(items), want);\n    }\n",
    "finding",
    "checks 1 thing less"
  ),
  row("an early return", two, two.replace("{\n", "{\n        return;\n"), "finding", "checks 2 things less"),
  {
    name: "rust: a test deleted while only it changed",
    base: { [path]: unit(two) },
    head: { [path]: unit("") },
    is: "finding",
    says: "is deleted"
  },
  {
    name: "rust: bent while another function changed",
    base: { [path]: unit(two) },
    head: {
      [path]: unit(two.replace(", 3)", ", 4)")).replace("Ok(name.to_string())", "Ok(name.trim().to_string())")
    },
    is: "finding"
  },
  {
    name: "rust: a changed expectation of changed code is told",
    base: { [path]: unit(two) },
    head: {
      [path]: unit(two.replace(", 3)", ", 4)")).replace("items.iter().sum()", "items.iter().sum::<i32>() + 1")
    },
    is: "note"
  },
  row(
    "folded into a loop",
    two,
    '    #[test]\n    fn adds_up() {\n        for (items, want) in [(&[1, 2], 3), (&[], 0)] {\n            assert_eq!(total(items), want, "{items:?}");\n        }\n    }\n',
    "pass"
  ),
  row(
    "folded into rstest",
    one("assert_eq!(total(&[1, 2]), 3);\n        assert_eq!(total(&[]), 0);"),
    "    #[rstest]\n    #[case(&[1, 2], 3)]\n    #[case(&[], 0)]\n    fn adds(#[case] items: &[i32], #[case] want: i32) {\n        assert_eq!(total(items), want);\n    }\n",
    "pass"
  ),
  row(
    "renamed, with a local",
    two,
    two
      .replace("adds_up", "sums")
      .replace("assert_eq!(total(&[1, 2]), 3);", "let got = total(&[1, 2]);\n        assert_eq!(3, got);"),
    "pass"
  ),
  row(
    "assert with == instead of assert_eq",
    two,
    two.replace("assert_eq!(total(&[1, 2]), 3)", "assert!(total(&[1, 2]) == 3)"),
    "pass"
  ),
  row(
    "split",
    two,
    "    #[test]\n    fn some() {\n        assert_eq!(total(&[1, 2]), 3);\n    }\n\n    #[test]\n    fn none() {\n        assert_eq!(total(&[]), 0);\n    }\n",
    "pass"
  ),
  {
    name: "rust: moved to an integration test",
    base: { [path]: unit(two) },
    head: { [path]: code, "tests/cart.rs": `use cart::total;\n\n${two}` },
    is: "pass"
  },
  {
    name: "rust: production alone changed",
    base: { [path]: unit(two) },
    head: { [path]: unit(two).replace("Ok(name.to_string())", "Ok(name.to_owned())") },
    is: "pass"
  },
  {
    name: "rust: deleted with its subject",
    base: { [path]: unit(two) },
    head: { [path]: unit("").replace(/pub fn total[^]*?\n\}\n/u, "") },
    is: "pass"
  },
  row(
    "a matched error became any error",
    one('assert!(matches!(title(""), Err(Error::Empty)));'),
    one('assert!(title("").is_err());'),
    "finding",
    "asks for less"
  ),
  row(
    "any error became a matched one",
    one('assert!(title("").is_err());'),
    one('assert!(matches!(title(""), Err(Error::Empty)));'),
    "pass"
  ),
  row(
    "an equal error became a matched one",
    one('assert_eq!(title(""), Err(Error::Empty));'),
    one('assert!(matches!(title(""), Err(Error::Empty)));'),
    "pass"
  ),
  row(
    "another error is held against it",
    one('assert_eq!(title(""), Err(Error::Empty));'),
    one('assert_eq!(title(""), Err(Error::Syntax));'),
    "finding",
    "expects something else"
  ),
  row(
    "an error by another path",
    one('assert_eq!(title(""), Err(Error::Empty));'),
    one('assert_eq!(title(""), Err(crate::Error::Empty));'),
    "pass"
  ),
  row(
    "another named value is told",
    one('assert_eq!(kind("a"), Kind::Word);'),
    one('assert_eq!(kind("a"), Kind::Number);'),
    "note",
    "Look whether the issue asks for it"
  ),
  row(
    "is_ok became matched",
    one('assert!(title("a").is_ok());'),
    one('assert!(matches!(title("a"), Ok(_)));'),
    "pass"
  ),
  row(
    "the condition of a matched error dropped",
    one('assert!(matches!(title(""), Err(Error::Short(n)) if n > 3));'),
    one('assert!(matches!(title(""), Err(Error::Short(_))));'),
    "finding"
  )
]
