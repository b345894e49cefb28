/** The two clocks of the Kubernetes wire, as milliseconds since the epoch inside the program. */
import { DateTime, Option } from "effect"

/** metav1.Time: RFC 3339 in whole seconds. Milliseconds are refused by a real API server. */
export const formatTime = (millis: number): string =>
  DateTime.formatIso(DateTime.makeUnsafe(Math.floor(millis / 1000) * 1000)).replace(/\.\d+Z$/u, "Z")

/** metav1.MicroTime: RFC 3339 with six digits, as Leases carry. */
export const formatMicroTime = (millis: number): string =>
  DateTime.formatIso(DateTime.makeUnsafe(millis)).replace(
    /\.(\d+)Z$/u,
    (_, digits: string) => `.${digits.padEnd(6, "0")}Z`
  )

/** RFC 3339 in milliseconds, for people and for what is no field of Kubernetes. */
export const formatMillis = (millis: number): string => DateTime.formatIso(DateTime.makeUnsafe(millis))

/** Milliseconds since the epoch, or `undefined` for text that is no time. */
export const parseTime = (text: string | undefined): number | undefined =>
  text === undefined
    ? undefined
    : Option.getOrUndefined(Option.map(DateTime.make(text), DateTime.toEpochMillis))
