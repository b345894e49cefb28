/** Writes a .tar.gz that depends only on its entries and a given time, not on user, folder order or clock. Plain Node 20 or newer. */
import { gzipSync } from "node:zlib"

const block = 512

/** A path as ustar has it: up to 100 bytes, and up to 155 of folders before it. */
const split = (path) => {
  if (Buffer.byteLength(path) <= 100) return { name: path, prefix: "" }
  const at = path.indexOf("/", path.length - 101)
  const name = path.slice(at + 1)
  const prefix = path.slice(0, at)
  if (at < 0 || Buffer.byteLength(name) > 100 || Buffer.byteLength(prefix) > 155)
    throw new Error(`${path} is too long for an archive`)
  return { name, prefix }
}

const octal = (number, width) => `${number.toString(8).padStart(width - 1, "0")}\0`

const header = ({ path, mode, content }, seconds) => {
  const { name, prefix } = split(path)
  const bytes = Buffer.alloc(block)
  bytes.write(name, 0)
  bytes.write(octal(mode, 8), 100)
  bytes.write(octal(0, 8), 108)
  bytes.write(octal(0, 8), 116)
  bytes.write(octal(content.length, 12), 124)
  bytes.write(octal(seconds, 12), 136)
  // The checksum is taken with blanks in its own place.
  bytes.write("        0", 148)
  bytes.write("ustar\u000000", 257)
  bytes.write(prefix, 345)
  const sum = bytes.reduce((total, byte) => total + byte, 0)
  bytes.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148)
  return bytes
}

/**
 * The bytes of a .tar.gz of `entries`, each with `path`, `mode` and `content`; owner is uid 0, and the date is `seconds` after 1970.
 * Equal entries in any order give equal bytes under the same version of Node. A path over 255 bytes is an error.
 */
export const archive = (entries, seconds) => {
  const sorted = entries.toSorted((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)))
  const blocks = sorted.flatMap((entry) => [
    header(entry, seconds),
    entry.content,
    Buffer.alloc((block - (entry.content.length % block)) % block)
  ])
  const bytes = gzipSync(Buffer.concat([...blocks, Buffer.alloc(2 * block)]))
  // The name of the operating system, which zlib fills in.
  bytes[9] = 255
  return bytes
}
