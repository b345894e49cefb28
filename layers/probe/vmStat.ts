/** Pure reader of macOS' `vm_stat`. */

/** Pages that can be had without swapping. */
const freeClasses = ["Pages free", "Pages inactive", "Pages speculative", "Pages purgeable"]
/** Apple silicon's, for a header that does not say. */
const usualPageBytes = 16_384

/** Bytes that are available, or `undefined` for text that is no listing of vm_stat. */
export const vmStatAvailableBytes = (text: string): number | undefined => {
  const pageBytes = Number(/page size of (\d+) bytes/u.exec(text)?.[1] ?? usualPageBytes)
  const pages = freeClasses.map((name) => new RegExp(`^${name}:\\s+(\\d+)\\.?$`, "mu").exec(text)?.[1])
  if (pages[0] === undefined) return undefined
  return pages.reduce((sum, count) => sum + Number(count ?? 0), 0) * pageBytes
}
