/** Small builders for the fields of a kind, so that a default is said once and reaches both the decoder and the CRD. */
import { Effect, Schema } from "effect"

/** A field with a default: `value` fills an absent key on decoding, and is the `default` of the generated CRD. */
export const withDefault = <S extends Schema.Top>(
  schema: S,
  value: S["Rebuild"]["Encoded"],
  description: string
) =>
  required<S>(schema.annotate({ default: value as never }) as S, description).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed(value))
  )

/** An optional field. Absent stays absent: there is no `null` inside the program. */
export const optional = <S extends Schema.Top>(schema: S, description: string) =>
  Schema.optionalKey(required(schema, description))

/** A required field with its description. */
export const required = <S extends Schema.Top>(schema: S, description: string): S["Rebuild"] =>
  schema.annotate({ description })

/** A whole number of 32 bits within bounds. */
export const int32 = (minimum = -2_147_483_648, maximum = 2_147_483_647) =>
  Schema.Int.check(Schema.isBetween({ minimum, maximum })).annotate({ format: "int32" })

export const strings = Schema.Array(Schema.String)

/** Text with at least one character. */
export const nonEmpty = Schema.String.check(Schema.isMinLength(1))

/** Any JSON object, kept whole by the API server. */
export const anyObject = Schema.Record(Schema.String, Schema.Json)

/** RFC 3339, whole seconds (metav1.Time: more digits are refused by a real API server). */
export const time = Schema.String.annotate({ format: "date-time" })
