/** GET pods/x/log: the kubelet's bytes, as `kubectl logs` asks for them. */
import { Effect } from "effect"

import type { Answer, ApiRequest } from "./answers.ts"
import { type ApiError, Apiserver, type Target } from "../Apiserver.ts"
import { PodLogs } from "../PodLogs.ts"
import { integer, isTrue } from "./requestOptions.ts"

export const podLog = Effect.fnUntraced(function* (
  request: ApiRequest,
  target: Target
): Effect.fn.Return<Answer, ApiError, Apiserver | PodLogs> {
  const api = yield* Apiserver
  const logs = yield* PodLogs
  const query = request.url.searchParams
  yield* api.get(target)
  const bytes = yield* logs.open(
    { namespace: target.namespace ?? "", name: target.name },
    {
      container: query.get("container") || undefined,
      follow: isTrue(query.get("follow")),
      tailLines: yield* integer(query, "tailLines"),
      limitBytes: yield* integer(query, "limitBytes"),
      sinceSeconds: yield* integer(query, "sinceSeconds"),
      timestamps: isTrue(query.get("timestamps")),
      previous: isTrue(query.get("previous"))
    }
  )
  return { _tag: "Streaming", contentType: "text/plain", bytes }
})
