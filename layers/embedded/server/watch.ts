/** A watch as a stream of lines. */
import { Clock, Effect, Random, Stream } from "effect"

import { contentType, type Representation } from "./accept.ts"
import type { Answer, ApiRequest } from "./answers.ts"
import { ApiError, type ApiEvent, Apiserver, type Selection } from "../Apiserver.ts"
import { badRequest } from "../apiserver/errors.ts"
import { failure } from "./metaStatus.ts"
import { includeObject, integer, isTrue } from "./requestOptions.ts"
import { selects } from "../apiserver/selectors.ts"
import { showEvent, type View } from "./table.ts"

const encoder = new TextEncoder()

/** The headers are gone by then, so a version that is compacted ends the watch from within, as clients expect. */
const endedWithin = (error: ApiError): Stream.Stream<ApiEvent> =>
  Stream.succeed({ type: "ERROR", object: failure(error) })

/** Between half an hour and an hour when the client names no end, so that watches of one restart do not all end together. */
const duration = Effect.fnUntraced(function* (query: URLSearchParams) {
  const asked = yield* integer(query, "timeoutSeconds")
  return asked === undefined || asked === 0 ? yield* Random.nextIntBetween(1_800, 3_600) : asked
})

export const watch = Effect.fnUntraced(function* (
  request: ApiRequest,
  selection: Selection,
  form: Representation
): Effect.fn.Return<Answer, ApiError, Apiserver> {
  const api = yield* Apiserver
  const query = request.url.searchParams
  const seconds = yield* duration(query)
  const sendInitialEvents = isTrue(query.get("sendInitialEvents"))
  const allowWatchBookmarks = isTrue(query.get("allowWatchBookmarks"))
  if (sendInitialEvents && query.get("resourceVersionMatch") !== "NotOlderThan") {
    return yield* badRequest(
      "resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
    )
  }
  // A selector that cannot be read is the answer's own code, not an event.
  yield* Effect.try({
    try: () => selects(selection),
    catch: (cause) => (cause instanceof ApiError ? cause : badRequest(String(cause)))
  })
  const view: Omit<View, "now"> = {
    resource: selection.resource,
    form,
    includeObject: includeObject(query)
  }
  const bytes = api
    .watch({
      ...selection,
      resourceVersion: query.get("resourceVersion") ?? "",
      allowWatchBookmarks,
      sendInitialEvents
    })
    .pipe(
      Stream.catch(endedWithin),
      Stream.zipWithIndex,
      Stream.mapEffect(([event, index]) =>
        Effect.map(Clock.currentTimeMillis, (now) =>
          encoder.encode(`${JSON.stringify(showEvent({ ...view, now }, event, index === 0))}\n`)
        )
      ),
      Stream.interruptWhen(Effect.sleep(seconds * 1_000))
    )
  return { _tag: "Streaming", contentType: contentType(form), bytes }
})
