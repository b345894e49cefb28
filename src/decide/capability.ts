/** How flags become what a FleetNode says. Contract §3.2, §8.1. */

const maxInt32 = 2_147_483_647

/** A number of a flag within what an int32 field takes: below 0 it is 0, above the bound it is the bound. */
export const clampInt32 = (value: number): number =>
  Number.isNaN(value) ? 0 : Math.min(maxInt32, Math.max(0, Math.trunc(value)))

/** Parts between commas, trimmed, empty ones left out; `undefined` when none is left, so that "" and "," both mean absent. */
export const splitCSV = (text: string): ReadonlyArray<string> | undefined => {
  const parts = text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
  return parts.length === 0 ? undefined : parts
}

/** A DNS-1123 label made from whatever a host calls itself; `fleetnode` when nothing usable is left. */
export const sanitizeName = (name: string): string => {
  const label = name
    .toLowerCase()
    .replace(/[^a-z0-9-]+/gu, "-")
    .replace(/^-+|-+$/gu, "")
    .slice(0, 63)
    .replace(/-+$/u, "")
  return label === "" ? "fleetnode" : label
}

/** `k=v,k2=v2` as labels; `undefined` for a part without `=` or with an empty key, which is a mistake in the flag. */
export const parseLabels = (text: string): { readonly [key: string]: string } | undefined => {
  const pairs = (splitCSV(text) ?? []).map((part) => {
    const at = part.indexOf("=")
    return [part.slice(0, Math.max(at, 0)).trim(), part.slice(at + 1).trim()] as const
  })
  return pairs.some(([key]) => key === "") ? undefined : Object.fromEntries(pairs)
}
