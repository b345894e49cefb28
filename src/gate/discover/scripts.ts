/** Scripts of a package.json. */
import { Option, Schema } from "effect"

const Manifest = Schema.fromJsonString(
  Schema.Struct({ scripts: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)) })
)
const decodeManifest = Schema.decodeUnknownOption(Manifest)

/** Empty where the manifest has none or is broken. */
export const scriptsOf = (manifest: string | undefined): Readonly<Record<string, string>> =>
  Option.getOrUndefined(decodeManifest(manifest))?.scripts ?? {}
