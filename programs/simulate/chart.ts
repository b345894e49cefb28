/** An outcome as an SVG: slots in use over time, and below it what waits and why. It reads on a light and on a dark page. */
import type { Outcome, Sample } from "../../src/simulate/Ledger.ts"
import { span } from "./report.ts"

const width = 900
const left = 64
const right = 16
const plotWidth = width - left - right
const topHeight = 150
const bottomHeight = 170
const top = 44
const between = 56
/** Seen on white and on black alike. */
const colours = ["#3b82f6", "#f59e0b", "#ef4444", "#8b5cf6", "#10b981", "#ec4899", "#6b7280"]
const most = colours.length

const escaped = (text: string): string =>
  text.replace(
    /[&<>"]/gu,
    (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[sign] ?? sign
  )

/** A round number that is not less: 1, 2 or 5 times a power of ten. */
const roundUp = (value: number): number => {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, value)))
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value) ?? value
}

interface Axes {
  readonly x: (atMillis: number) => number
  readonly y: (value: number) => number
}

/** Steps: a value holds until the next sample. */
const outline = (
  samples: ReadonlyArray<Sample>,
  endMillis: number,
  { x, y }: Axes,
  of: (sample: Sample) => number
) =>
  samples
    .map((sample, index) => {
      const until = samples[index + 1]?.atMillis ?? endMillis
      const height = y(of(sample)).toFixed(1)
      return `${x(sample.atMillis).toFixed(1)},${height} ${x(until).toFixed(1)},${height}`
    })
    .join(" ")

const area = (upper: string, lower: string, colour: string): string =>
  `<polygon points="${upper} ${lower.split(" ").toReversed().join(" ")}" fill="${colour}" fill-opacity="0.75"/>`

const frame = (title: string, y0: number, height: number, highest: number): string =>
  [
    `<text x="${left}" y="${y0 - 10}" class="title">${escaped(title)}</text>`,
    ...[0, 0.5, 1].map((share) => {
      const y = y0 + height * (1 - share)
      return `<line x1="${left}" x2="${width - right}" y1="${y}" y2="${y}" class="grid"/><text x="${left - 8}" y="${y + 4}" text-anchor="end">${highest * share}</text>`
    })
  ].join("")

export const chart = (outcome: Outcome, title: string): string => {
  const { samples } = outcome
  const endMillis = Math.max(1, outcome.makespanMillis, samples.at(-1)?.atMillis ?? 0)
  const x = (atMillis: number) => left + (plotWidth * atMillis) / endMillis
  const totals = new Map<string, number>()
  for (const { waiting } of samples) {
    for (const [why, count] of Object.entries(waiting)) totals.set(why, (totals.get(why) ?? 0) + count)
  }
  const whys = [...totals].sort(([, a], [, b]) => b - a).map(([why]) => why)
  const shown = whys.slice(0, whys.length > most ? most - 1 : most)
  const rest = whys.slice(shown.length)
  const layers: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = [
    ...shown.map((why) => [why, [why]] as const),
    ...(rest.length > 0 ? [[`${rest.length} other reasons`, rest] as const] : [])
  ]

  const mostSlots = roundUp(Math.max(1, ...samples.map(({ slots }) => slots)))
  const slotAxes: Axes = { x, y: (value) => top + topHeight * (1 - value / mostSlots) }
  const bottom = top + topHeight + between
  const sumOf = (sample: Sample, names: ReadonlyArray<string>) =>
    names.reduce((sum, why) => sum + (sample.waiting[why] ?? 0), 0)
  const mostWaiting = roundUp(Math.max(1, ...samples.map((sample) => sumOf(sample, whys))))
  const waitAxes: Axes = { x, y: (value) => bottom + bottomHeight * (1 - value / mostWaiting) }
  const stacked = layers.map(([, names], index) => {
    const below = layers.slice(0, index).flatMap(([, each]) => each)
    const upper = outline(samples, endMillis, waitAxes, (sample) => sumOf(sample, [...below, ...names]))
    const lower = outline(samples, endMillis, waitAxes, (sample) => sumOf(sample, below))
    return area(upper, lower, colours[index] ?? "#6b7280")
  })
  const legendTop = bottom + bottomHeight + 40
  const height = legendTop + Math.max(1, layers.length) * 18 + 8
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const anchor = share === 0 ? "start" : share === 1 ? "end" : "middle"
    return `<text x="${x(share * endMillis)}" y="${bottom + bottomHeight + 18}" text-anchor="${anchor}">${span(share * endMillis)}</text>`
  })
  const legend = layers.map(
    ([why], index) =>
      `<rect x="${left}" y="${legendTop + index * 18 - 9}" width="10" height="10" fill="${colours[index] ?? "#6b7280"}"/><text x="${left + 18}" y="${legendTop + index * 18}">${escaped(why)}</text>`
  )
  const busy = outline(samples, endMillis, slotAxes, ({ busySlots }) => busySlots)
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(title)}">
<style>text{font:12px system-ui,sans-serif;fill:#6b7280}.title{font-weight:600;font-size:13px}.grid{stroke:#9ca3af;stroke-opacity:.35}</style>
${frame(`${title}: slots in use, and slots there are`, top, topHeight, mostSlots)}
${area(
  busy,
  outline(samples, endMillis, slotAxes, () => 0),
  "#10b981"
)}
<polyline points="${outline(samples, endMillis, slotAxes, ({ slots }) => slots)}" fill="none" stroke="#6b7280" stroke-dasharray="4 3"/>
${frame("Tasks that wait, by reason", bottom, bottomHeight, mostWaiting)}
${stacked.join("\n")}
${ticks.join("")}
${legend.join("\n")}
</svg>
`
}
