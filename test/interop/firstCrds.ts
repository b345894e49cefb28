/** The first implementation's CRDs: no selectable fields, none of the fields that we added; a server prunes those in silence. */
import type { JsonObject } from "../../layers/embedded/Apiserver.ts"
import { foremanResources, inferenceResources, toCrd } from "../../schema/Crd.ts"

/** Fields that are ours, by kind, from the object's root. */
const added: Readonly<Record<string, ReadonlyArray<string>>> = {
  AgenticTask: ["status.claim"],
  Agent: ["spec.endpointSlots"],
  FleetNode: ["status.capability.slots"]
}

export const firstCrds: ReadonlyArray<JsonObject> = [...foremanResources, ...inferenceResources].map(
  (resource) => {
    const crd: any = structuredClone(toCrd(resource))
    for (const version of crd.spec.versions) {
      delete version.selectableFields
      for (const path of added[resource.kind] ?? []) {
        const names = path.split(".")
        let schema = version.schema.openAPIV3Schema
        for (const name of names.slice(0, -1)) schema = schema.properties[name]
        delete schema.properties[names.at(-1) ?? ""]
      }
    }
    return crd
  }
)
