/** The paths in the index of a checkout. It is read here and not by git: the checkout is a model's, and so are the settings in it. */
import { lstatSync, readFileSync } from "node:fs"
import { join } from "node:path"

const maxBytes = 67_108_864
const headerBytes = 12
/** Of an entry, up to its object id, and of that id. */
const statBytes = 40
const idBytes = 20
const isExtended = 0x4000

/** A number in git's own form, seven bits a byte. */
const readVarint = (bytes: Buffer, from: number): { readonly value: number; readonly next: number } => {
  let at = from
  let byte = bytes[at++] ?? 0
  let value = byte & 0x7f
  while ((byte & 0x80) !== 0) {
    byte = bytes[at++] ?? 0
    value = (value + 1) * 128 + (byte & 0x7f)
  }
  return { value, next: at }
}

const parse = (bytes: Buffer): ReadonlyArray<string> | undefined => {
  const version = bytes.readUInt32BE(4)
  const count = bytes.readUInt32BE(8)
  if (bytes.toString("latin1", 0, 4) !== "DIRC" || version < 2 || version > 4) return undefined
  const paths: Array<string> = []
  let previous: Uint8Array = new Uint8Array()
  let at = headerBytes
  for (let index = 0; index < count; index++) {
    const flagsAt = at + statBytes + idBytes
    const flags = bytes.readUInt16BE(flagsAt)
    let nameAt = flagsAt + 2 + (version > 2 && (flags & isExtended) !== 0 ? 2 : 0)
    let shared: Uint8Array = new Uint8Array()
    if (version === 4) {
      const cut = readVarint(bytes, nameAt)
      shared = previous.subarray(0, previous.length - cut.value)
      nameAt = cut.next
    }
    const end = bytes.indexOf(0, nameAt)
    if (end < 0) return undefined
    const name = Buffer.concat([shared, bytes.subarray(nameAt, end)])
    paths.push(name.toString("utf8"))
    previous = name
    // Up to version 3 an entry ends with one to eight zeros, so that the next one begins at a multiple of eight.
    at = version === 4 ? end + 1 : at + Math.ceil((end - at + 1) / 8) * 8
  }
  return paths
}

/** The paths that are tracked; none where there is no index that can be read. */
export const trackedFiles = (root: string): ReadonlyArray<string> => {
  try {
    const file = join(root, ".git", "index")
    const stat = lstatSync(file)
    return stat.isFile() && stat.size <= maxBytes ? (parse(readFileSync(file)) ?? []) : []
  } catch {
    return []
  }
}
