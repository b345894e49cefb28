import type { JsonObject, ServedResource, WriteOptions } from "./Apiserver.ts"
export const trackUpdate = (
  _before: JsonObject | undefined,
  after: JsonObject,
  _how: {
    readonly resource: ServedResource
    readonly options: WriteOptions
    readonly subresource?: "status" | undefined
    readonly now: number
  }
): JsonObject => after
