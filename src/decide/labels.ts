/** Label values made from names. */

/** Characters that Kubernetes allows in a label's value. */
const maxLength = 63

/**
 * The name itself, or, when it is too long for a label, its first 52 characters, `-` and 10 hexadecimal digits of a hash of the whole
 * (design §3.13), so that two long names with one beginning stay apart.
 */
export const labelValue = (name: string): string =>
  name.length <= maxLength ? name : `${name.slice(0, 52)}-${shortHash(name)}`

/** FNV-1a, 64 bit, over UTF-16 units; its first 40 bits as text. Tells texts apart, and guards nothing. */
export const shortHash = (text: string): string => {
  let value = 0xcbf29ce484222325n
  for (let index = 0; index < text.length; index++) {
    value = BigInt.asUintN(64, (value ^ BigInt(text.charCodeAt(index))) * 0x100000001b3n)
  }
  return value.toString(16).padStart(16, "0").slice(0, 10)
}
