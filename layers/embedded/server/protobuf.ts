/** Kubernetes' protobuf, read only: kubectl from 1.32 on and client-go write built-in kinds in it, and do not fall back on 415. */
import { Result } from "effect"

import type { ApiError, Json, JsonObject } from "../Apiserver.ts"
import { badRequest, unsupportedMediaType } from "../apiserver/errors.ts"
import { messages } from "./protobufKinds.ts"
import type { Field, FieldType, Message } from "./protobufMessage.ts"

/** Thrown and caught inside this file only. */
class Malformed extends Error {}

/** Messages nest less than this in every kind that is known; more is an attack on the stack. */
const maximumDepth = 32

class Reader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get isDone(): boolean {
    return this.#at >= this.#bytes.length
  }

  varint(): bigint {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined) throw new Malformed("it ends inside a number")
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asIntN(64, value)
    }
    throw new Malformed("a number is longer than 64 bits")
  }

  block(): Uint8Array {
    const length = Number(this.varint())
    const end = this.#at + length
    if (length < 0 || end > this.#bytes.length) throw new Malformed("it ends inside a field")
    const block = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return block
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true })

const string = (bytes: Uint8Array): string => utf8.decode(bytes)

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64")

/** Field numbers and raw values of a message; Kubernetes uses varints and blocks only. */
const entries = function* (bytes: Uint8Array): Generator<readonly [number, bigint | Uint8Array]> {
  const reader = new Reader(bytes)
  while (!reader.isDone) {
    const tag = Number(reader.varint())
    const wire = tag & 7
    if (wire !== 0 && wire !== 2) throw new Malformed(`wire type ${wire} is not known`)
    yield [tag >>> 3, wire === 0 ? reader.varint() : reader.block()]
  }
}

const blockOf = (value: bigint | Uint8Array): Uint8Array => {
  if (typeof value === "bigint") throw new Malformed("a number stands where a text should")
  return value
}

const numberOf = (value: bigint | Uint8Array): number => {
  if (typeof value !== "bigint") throw new Malformed("a text stands where a number should")
  return Number(value)
}

/** {1: seconds, 2: nanoseconds}; the zero time is an empty message, and null in JSON. */
const time = (bytes: Uint8Array, digits: 0 | 6): Json => {
  let seconds = 0
  let nanos = 0
  for (const [number, value] of entries(bytes)) {
    if (number === 1) seconds = numberOf(value)
    else nanos = numberOf(value)
  }
  if (seconds === 0 && nanos === 0) return null
  const date = new Date(seconds * 1_000)
  if (Number.isNaN(date.getTime())) throw new Malformed("a time is out of range")
  const whole = date.toISOString().slice(0, 19)
  return digits === 0 ? `${whole}Z` : `${whole}.${String(Math.trunc(nanos / 1_000)).padStart(6, "0")}Z`
}

const mapEntry = (bytes: Uint8Array, type: FieldType): readonly [string, Json] => {
  let key = ""
  let raw: Uint8Array = new Uint8Array()
  for (const [number, value] of entries(bytes)) {
    if (number === 1) key = string(blockOf(value))
    else raw = blockOf(value)
  }
  if (type === "bytesmap") return [key, base64(raw)]
  return [key, type === "quantitymap" ? quantityText(raw) : string(raw)]
}

const quantityText = (bytes: Uint8Array): string => {
  for (const [number, value] of entries(bytes)) if (number === 1) return string(blockOf(value))
  return "0"
}

const scalar = (type: FieldType, value: bigint | Uint8Array): Json => {
  switch (type) {
    case "int":
      return numberOf(value)
    case "bool":
      return numberOf(value) !== 0
    case "bytes":
      return base64(blockOf(value))
    case "time":
      return time(blockOf(value), 0)
    case "microtime":
      return time(blockOf(value), 6)
    default:
      return string(blockOf(value))
  }
}

const isMap = (type: FieldType | Message): type is FieldType =>
  typeof type === "string" && type.endsWith("map")

/** What Go writes for a field that nobody set. */
const isZero = (value: bigint | Uint8Array): boolean =>
  typeof value === "bigint" ? value === 0n : value.length === 0

const decodeMessage = (message: Message, bytes: Uint8Array, depth: number): Json => {
  if (depth > maximumDepth) throw new Malformed("it nests too deep")
  if (message.isQuantity === true) return quantityText(bytes)
  const object: Record<string, Json> = {}
  for (const [number, value] of entries(bytes)) {
    const field = message.fields.get(number)
    if (field === undefined) {
      if (isZero(value)) continue
      throw new Malformed(`field ${number} of ${message.name} is not known here: send it as JSON`)
    }
    put(object, message, number, field, value, depth)
  }
  // Raw JSON inside protobuf: the one place where Kubernetes does that.
  if (message.name === "FieldsV1") {
    return JSON.parse(Buffer.from(String(object["Raw"] ?? "e30="), "base64").toString("utf8")) as Json
  }
  return object
}

const put = (
  object: Record<string, Json>,
  message: Message,
  number: number,
  field: Field,
  value: bigint | Uint8Array,
  depth: number
): void => {
  const { name, type } = field
  if (isMap(type)) {
    const [key, entry] = mapEntry(blockOf(value), type)
    object[name] = { ...(object[name] as JsonObject | undefined), [key]: entry }
    return
  }
  const decoded =
    typeof type === "string" ? scalar(type, value) : decodeMessage(type, blockOf(value), depth + 1)
  if (message.inline?.has(number) === true) {
    Object.assign(object, decoded)
  } else if (field.repeated) {
    object[name] = [...((object[name] as ReadonlyArray<Json> | undefined) ?? []), decoded]
  } else if (decoded !== null && (field.pointer || typeof type !== "string" || !isZero(value))) {
    object[name] = decoded
  }
}

const magic = Buffer.from("k8s\0")

/** `k8s\0`, then runtime.Unknown: {1: {1: apiVersion, 2: kind}, 2: the object}. Both kinds of failure are the client's: 400, 415. */
export const decodeEnvelope = (body: Uint8Array): Result.Result<JsonObject, ApiError> => {
  if (body.length < 4 || magic.compare(body, 0, 4) !== 0) {
    return Result.fail(badRequest("error decoding protobuf: it does not begin with k8s"))
  }
  try {
    let apiVersion = ""
    let kind = ""
    let raw: Uint8Array = new Uint8Array()
    for (const [number, value] of entries(body.subarray(4))) {
      if (number === 2) raw = blockOf(value)
      if (number !== 1) continue
      for (const [part, text] of entries(blockOf(value))) {
        if (part === 1) apiVersion = string(blockOf(text))
        else kind = string(blockOf(text))
      }
    }
    const message = Object.hasOwn(messages, kind) ? messages[kind] : undefined
    if (message === undefined) {
      return Result.fail(
        unsupportedMediaType(
          `the body of the request was in an unknown format - ${kind} is not known as protobuf here, accepted media types include: application/json, application/yaml`
        )
      )
    }
    const object = decodeMessage(message, raw, 0) as JsonObject
    return Result.succeed({ ...object, apiVersion, kind })
  } catch (cause) {
    return Result.fail(
      badRequest(`error decoding protobuf: ${cause instanceof Error ? cause.message : String(cause)}`)
    )
  }
}
