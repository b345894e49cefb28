/** Traces, logs and metrics to the collector that the OTEL_… variables name. Loaded only when they name one. */
import { Layer } from "effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Otlp from "effect/observability/Otlp"
import * as OtlpSerialization from "effect/observability/OtlpSerialization"

export const layer = (serviceName: string): Layer.Layer<never> =>
  Otlp.layerFromConfig({ resource: { serviceName }, loggerMergeWithExisting: true }).pipe(
    Layer.provide([OtlpSerialization.layerJson, FetchHttpClient.layer])
  )
