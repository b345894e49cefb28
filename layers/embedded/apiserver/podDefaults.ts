/** What a real API server fills into pods, in Pods themselves and in a Job's template. */
import type { Json, JsonObject } from "../Apiserver.ts"
import { isObject, listAt } from "./json.ts"

const containerDefaults = {
  terminationMessagePath: "/dev/termination-log",
  terminationMessagePolicy: "File"
}

const withContainerDefaults = (spec: JsonObject, field: string): JsonObject =>
  spec[field] === undefined
    ? {}
    : {
        [field]: listAt(spec, field).map((container): Json =>
          isObject(container) ? { ...containerDefaults, ...container } : container
        )
      }

export const podSpecDefaults = (spec: JsonObject, restartPolicy = "Always"): JsonObject => ({
  restartPolicy,
  terminationGracePeriodSeconds: 30,
  dnsPolicy: "ClusterFirst",
  ...spec,
  ...withContainerDefaults(spec, "containers"),
  ...withContainerDefaults(spec, "initContainers")
})
