/** Outcomes as figures: false alarms and misses by rule and language, each share with its interval. */
import type { Outcome } from "./outcomes.ts"
import { inWords, median, wilson } from "./statistics.ts"

/** Files of a CI service: a change of these needs somebody's approval whatever else it does. */
const ciFile =
  /^(\.github\/(workflows|actions)\/|\.gitlab-ci|\.circleci\/|\.travis\.yml|appveyor\.yml|\.appveyor|azure-pipelines|\.azure-pipelines|\.cirrus|\.pre-commit-config\.yaml)/u

/** The findings of one commit that count as `fail`, or as `ask`; those about CI files are apart. */
export const alarms = ({ found }: Pick<Outcome, "found">, counts: "fail" | "ask") =>
  found.filter((each) => each.counts === counts && !(each.rule === "protected" && ciFile.test(each.file)))

export const isAboutCi = ({ found }: Pick<Outcome, "found">): boolean =>
  found.some((each) => each.counts !== "warn" && each.rule === "protected" && ciFile.test(each.file))

const groupBy = <A>(
  items: ReadonlyArray<A>,
  key: (item: A) => string
): ReadonlyArray<readonly [string, ReadonlyArray<A>]> => {
  const groups = new Map<string, Array<A>>()
  for (const item of items) {
    const group = groups.get(key(item)) ?? []
    group.push(item)
    groups.set(key(item), group)
  }
  return [...groups].sort(([, one], [, other]) => other.length - one.length)
}

const count = <A>(items: ReadonlyArray<A>, is: (item: A) => boolean) =>
  wilson(items.filter(is).length, items.length)

const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string | number>>): string =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n")

const byLanguage = <A extends { readonly language: string }>(
  items: ReadonlyArray<A>,
  cells: (items: ReadonlyArray<A>) => ReadonlyArray<string | number>
) =>
  [...groupBy(items, ({ language }) => language), ["all", items] as const].map(([name, group]) => [
    name,
    ...cells(group)
  ])

/** What a finding says without the test, numbers and code that it says it of: messages of one kind are one line. */
export const kindOf = (message: string): string => {
  const said =
    /\b(?:is (?:deleted|skipped|no longer|not collected|a program)|checks \d|asks for|has \d+ case|accepts|decides|changes|no longer)[^]*/u.exec(
      message
    )?.[0]
  return (said ?? message)
    .replaceAll(/"[^"]*"|`[^`]*`|'[^']*'/gu, "…")
    .replace(/: .*$/su, "")
    .replaceAll(/\d+/gu, "N")
    .slice(0, 90)
}

const staticText = (all: ReadonlyArray<Outcome>): string => {
  const judged = all.filter(({ error }) => error === undefined)
  const refused = (each: Outcome) => alarms(each, "fail").length > 0
  const asked = (each: Outcome) => !refused(each) && alarms(each, "ask").length > 0
  const findings = judged.flatMap((each) =>
    [
      ...new Map(
        (["fail", "ask"] as const)
          .flatMap((word) => alarms(each, word))
          .map((found) => [`${found.rule}: ${kindOf(found.message)}`, found])
      ).entries()
    ].map(([kind, { counts, rule }]) => ({
      kind: `${counts} ${kind}`,
      rule: `${counts} ${rule}`,
      language: each.language,
      each
    }))
  )
  const rules = groupBy(findings, ({ rule }) => rule).map(([rule, group]) => [
    rule,
    inWords(wilson(new Set(group.map(({ each }) => each)).size, judged.length))
  ])
  const kinds = groupBy(findings, ({ kind, language }) => `${language} ${kind}`)
    .slice(0, 40)
    .map(([kind, group]) => [
      kind.replaceAll("|", "\\|"),
      group.length,
      group
        .slice(0, 2)
        .map(({ each }) => `${each.repository}@${each.commit.slice(0, 10)}`)
        .join(", ")
    ])
  return [
    `## Static half: ${judged.length} commits of ${new Set(judged.map(({ repository }) => repository)).size} projects`,
    table(
      [
        "language",
        "commits",
        "refused beyond CI files",
        "asks",
        "of a fix: refused",
        "CI files",
        "could not be read"
      ],
      byLanguage(all, (group) => {
        const read = group.filter(({ error }) => error === undefined)
        return [
          read.length,
          inWords(count(read, refused)),
          inWords(count(read, asked)),
          inWords(
            count(
              read.filter(({ isFix }) => isFix === true),
              refused
            )
          ),
          read.filter(isAboutCi).length,
          group.length - read.length
        ]
      })
    ),
    table(["rule", "commits"], rules),
    table(["language, answer, rule, kind of message", "commits", "such as"], kinds)
  ].join("\n\n")
}

const wholeText = (all: ReadonlyArray<Outcome>, bare: ReadonlyMap<string, number>): string => {
  const ratios = all.flatMap(({ commit, repository, seconds, setupSeconds = 0, verdict }) => {
    const own = bare.get(`${repository} ${commit}`)
    return own === undefined || own < 1 || verdict !== "GATE-PASS"
      ? []
      : [{ repository, ratio: (seconds - setupSeconds) / own }]
  })
  const middles = groupBy(ratios, ({ repository }) => repository).flatMap(
    ([, group]) => median(group.map(({ ratio }) => ratio)) ?? []
  )
  const wrong = all.filter(({ expected, verdict }) => verdict !== expected)
  return [
    `## Whole gates: ${all.length} real fixes of ${new Set(all.map(({ repository }) => repository)).size} projects`,
    table(
      ["language", "fixes", "GATE-PASS", "GATE-FAIL", "of these NeedsApproval", "GATE-ERROR or none"],
      byLanguage(all, (group) => [
        group.length,
        inWords(count(group, ({ verdict }) => verdict === "GATE-PASS")),
        inWords(count(group, ({ verdict }) => verdict === "GATE-FAIL")),
        group.filter(({ reason }) => reason === "NeedsApproval").length,
        inWords(count(group, ({ verdict }) => verdict !== "GATE-PASS" && verdict !== "GATE-FAIL"))
      ])
    ),
    `Time of a whole gate without set-up against the bare checks, at the median of ${middles.length} projects: ${median(middles)?.toFixed(2) ?? "none"} times.`,
    table(
      ["not as the list says", "verdict", "reason", "what it said"],
      wrong.map(({ commit, error, message, reason, repository, verdict }) => [
        `${repository}@${commit.slice(0, 10)}`,
        verdict ?? "none",
        reason ?? "",
        (message ?? error ?? "").replaceAll(/[\n|]/gu, " ").slice(0, 160)
      ])
    )
  ].join("\n\n")
}

const derivedText = (all: ReadonlyArray<Outcome>): string => {
  const rows = (key: (each: Outcome) => string) =>
    groupBy(all, key).map(([name, group]) => {
      const bad = group.filter(({ equivalent }) => equivalent === undefined)
      const judged = bad.filter(({ verdict }) => verdict === "GATE-PASS" || verdict === "GATE-FAIL")
      return [
        name,
        group.length,
        group.length - bad.length,
        bad.length - judged.length,
        inWords(count(judged, ({ verdict }) => verdict === "GATE-PASS"))
      ]
    })
  const head = ["made by", "changes", "no bad change", "not judged", "missed"]
  const missed = all.filter(({ equivalent, verdict }) => equivalent === undefined && verdict === "GATE-PASS")
  return [
    `## Derived bad changes: ${all.length}`,
    table(
      head,
      rows(({ made = "" }) => made)
    ),
    table(
      ["language", ...head.slice(1)],
      rows(({ language }) => language)
    ),
    table(
      ["missed", "made by", "where"],
      missed.map(({ commit, detail, made, repository }) => [
        `${repository}@${commit.slice(0, 10)}`,
        made ?? "",
        detail ?? ""
      ])
    )
  ].join("\n\n")
}

/** Markdown; a part in which nothing was run is left out. */
export const text = (outcomes: ReadonlyArray<Outcome>): string => {
  const of = (kind: Outcome["kind"]) => outcomes.filter((each) => each.kind === kind)
  // The last recipe counts.
  const ofFixes = [
    ...new Map(
      of("bare")
        .filter(({ made }) => made === undefined)
        .map((each) => [`${each.repository} ${each.commit}`, each])
    ).values()
  ]
  const bare = new Map(ofFixes.map(({ commit, repository, seconds }) => [`${repository} ${commit}`, seconds]))
  const red = ofFixes.filter(({ verdict }) => verdict === "red")
  return [
    ...(of("static").length > 0 ? [staticText(of("static"))] : []),
    ...(of("whole").length > 0 ? [wholeText(of("whole"), bare)] : []),
    ...(of("derived").length > 0 ? [derivedText(of("derived"))] : []),
    ...(red.length > 0
      ? [`${red.length} fixes could not be judged: their own checks fail here without a gate.`]
      : [])
  ].join("\n\n")
}
