/** Plots of a report, as SVG that reads on light and on dark ground. `npm run bench -- plot A.json FOLDER`. */
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"

import { type Figure, isHeld, number, type Report, type Series } from "./report.ts"

const grey = "#808080"
const colors = ["#3f88c5", "#d1762b", "#5a9e5a"]
const width = 720

const escape = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")

const label = (x: number, y: number, text: string, anchor = "start", color = grey): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" fill="${color}">${escape(text)}</text>`

const line = (x1: number, y1: number, x2: number, y2: number, dash = ""): string =>
  `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" stroke="${grey}" stroke-opacity="0.5"${dash === "" ? "" : ` stroke-dasharray="${dash}"`}/>`

const svg = (height: number, title: string, body: ReadonlyArray<string>): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="12" role="img">
<title>${escape(title)}</title>
${body.join("\n")}
</svg>
`

/** Where a value lies on an axis of pixels; logarithmic, as everything here spans decades. */
const scale = (from: number, to: number, start: number, end: number) => (value: number) =>
  start + ((Math.log10(value) - Math.log10(from)) / (Math.log10(to) - Math.log10(from))) * (end - start)

const decades = (from: number, to: number): ReadonlyArray<number> =>
  Array.from({ length: Math.round(Math.log10(to / from)) + 1 }, (_, power) => from * 10 ** power)

/** The part of its goal that a figure uses: at most 1 when it is held, whichever way the goal points. */
const share = ({ atLeast, atMost, value }: Figure): number =>
  atMost !== undefined ? value / atMost : (atLeast ?? NaN) / value

/** Every figure that has a goal, as a part of it. */
const goals = (report: Report): string => {
  const bars = Object.values(report.benches).flatMap(({ rows }) =>
    rows.flatMap(({ figures, measure }) =>
      figures
        .filter((figure) => isHeld(figure) !== undefined && figure.atMost !== 0)
        .map((figure) => ({
          figure,
          text: `${measure.replaceAll("`", "")}${figure.name === "" ? "" : `: ${figure.name}`}`
        }))
    )
  )
  const rowHeight = 34
  const top = 30
  const height = top + bars.length * rowHeight + 10
  const x = scale(0.01, 10, 10, width - 90)
  const body = bars.flatMap(({ figure, text }, index) => {
    const y = top + index * rowHeight
    const at = Math.min(10, Math.max(0.01, share(figure)))
    const color = isHeld(figure) === true ? colors[2] : colors[1]
    return [
      label(10, y + 12, text),
      `<rect x="10" y="${y + 16}" width="${(x(at) - 10).toFixed(1)}" height="10" fill="${color}"/>`,
      label(x(at) + 6, y + 25, `${number(figure.value)} ${figure.unit}`)
    ]
  })
  const goal = x(1)
  return svg(height, "Each figure as a part of its goal, logarithmic", [
    label(goal, 16, "the goal", "middle"),
    line(goal, 22, goal, height - 6, "4 3"),
    ...body
  ])
}

interface Axes {
  readonly title: string
  readonly x: string
  readonly y: string
  readonly from: readonly [x: number, y: number]
  readonly to: readonly [x: number, y: number]
}

/** Lines through points, with a legend; both axes logarithmic unless y is a share. */
const lines = (series: ReadonlyArray<Series>, axes: Axes, isShare = false): string => {
  const [left, right, top, bottom] = [60, width - 20, 20, 280]
  const x = scale(axes.from[0], axes.to[0], left, right)
  const y = isShare
    ? (value: number) => bottom - value * (bottom - top)
    : scale(axes.from[1], axes.to[1], bottom, top)
  const ticks = isShare ? [0, 0.5, 0.9, 0.99] : decades(axes.from[1], axes.to[1])
  return svg(330, axes.title, [
    ...decades(axes.from[0], axes.to[0]).flatMap((at) => [
      line(x(at), top, x(at), bottom),
      label(x(at), bottom + 16, number(at), "middle")
    ]),
    ...ticks.flatMap((at) => [
      line(left, y(at), right, y(at)),
      label(left - 6, y(at) + 4, isShare ? `${at * 100} %` : number(at), "end")
    ]),
    label((left + right) / 2, bottom + 36, axes.x, "middle"),
    label(left, 12, axes.y),
    ...series.flatMap(({ name, points }, index) => {
      const color = colors[index % colors.length] ?? grey
      // What a logarithm has no place for is left out.
      const shown = points.filter(([px, py]) => px >= axes.from[0] && (isShare || py > 0))
      const path = shown.map(([px, py]) => `${x(px).toFixed(1)},${y(py).toFixed(1)}`).join(" ")
      const dash = name.startsWith("linear") ? ` stroke-dasharray="4 3"` : ""
      return [
        `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="2"${dash}/>`,
        label(right - 10, bottom - 14 - index * 16, name, "end", color)
      ]
    })
  ])
}

const latency = (series: ReadonlyArray<Series>): string =>
  lines(
    series,
    {
      title: "One task at a time on ten idle daemons: the share of tasks that got there in this time",
      x: "milliseconds after the task was created",
      y: "share of tasks",
      from: [0.1, 0],
      to: [1000, 1]
    },
    true
  )

const growth = (series: ReadonlyArray<Series>): string => {
  const [first] = series
  const [least] = first?.points ?? []
  const linear: ReadonlyArray<Series> =
    first === undefined || least === undefined
      ? []
      : [{ name: "linear", points: first.points.map(([x]) => [x, (least[1] * x) / least[0]] as const) }]
  const values = series.flatMap(({ points }) => points.map(([, y]) => y))
  return lines([...series, ...linear], {
    title: "Ten times the tasks on ten times the nodes, twice",
    x: "tasks, on a tenth as many nodes",
    y: "seconds",
    from: [
      Math.min(...series.flatMap(({ points }) => points.map(([x]) => x))),
      10 ** Math.floor(Math.log10(Math.min(...values)))
    ],
    to: [
      Math.max(...series.flatMap(({ points }) => points.map(([x]) => x))),
      10 ** Math.ceil(Math.log10(Math.max(...values)))
    ]
  })
}

/** Writes what the report has points for; the names of the files. */
export const write = async (report: Report, folder: string): Promise<ReadonlyArray<string>> => {
  const { daemons, fleets } = report.benches
  const plots: Record<string, string> = { goals: goals(report) }
  if (daemons?.series !== undefined) plots["latency"] = latency(daemons.series)
  if (fleets?.series !== undefined) plots["growth"] = growth(fleets.series)
  await mkdir(folder, { recursive: true })
  const files = Object.entries(plots).map(([name, text]) => ({ path: join(folder, `${name}.svg`), text }))
  for (const { path, text } of files) await writeFile(path, text)
  return files.map(({ path }) => path)
}
