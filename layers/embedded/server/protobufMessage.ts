/** How a protobuf message of Kubernetes is described: its fields by number. */

/** `*`: a pointer in Go, whose zero value means something. `[]`: repeated. Map values are strings or bytes. */
export type FieldType =
  | "string"
  | "int"
  | "bool"
  | "bytes"
  | "time"
  | "microtime"
  | "map"
  | "bytesmap"
  | "quantitymap"

export interface Field {
  readonly name: string
  readonly type: FieldType | Message
  readonly repeated: boolean
  readonly pointer: boolean
}

export interface Message {
  readonly name: string
  readonly fields: ReadonlyMap<number, Field>
  /** A Quantity is a message on the wire and a string in JSON. */
  readonly isQuantity?: boolean
  /** The Go struct embeds the message, so that in JSON its fields are the parent's. */
  readonly inline?: ReadonlySet<number>
}

/** `{ 1: "name", 2: "count:int*", 3: ["items[]", Message] }`; a field is a string unless it says otherwise. */
type Spec = Readonly<Record<number, string | readonly [string, Message]>>

const types: ReadonlySet<string> = new Set<FieldType>([
  "string",
  "int",
  "bool",
  "bytes",
  "time",
  "microtime",
  "map",
  "bytesmap",
  "quantitymap"
])
const isType = (text: string): text is FieldType => types.has(text)

const field = (spec: string, message?: Message): Field => {
  const match = /^(\w+)(?::(\w+))?(\*?)((?:\[\])?)$/u.exec(spec)
  const [, name = spec, type = "string", pointer, repeated] = match ?? []
  if (!isType(type)) throw new Error(`${spec}: no such type`)
  return { name, type: message ?? type, pointer: pointer === "*", repeated: repeated === "[]" }
}

export const message = (
  name: string,
  spec: Spec,
  rest: Pick<Message, "isQuantity" | "inline"> = {}
): Message => ({
  name,
  fields: new Map(
    Object.entries(spec).map(([number, entry]) => [
      Number(number),
      typeof entry === "string" ? field(entry) : field(entry[0], entry[1])
    ])
  ),
  ...rest
})
