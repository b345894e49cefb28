/** CustomResourceDefinitions: themselves a kind, and each of them one more. */
import { formatTime } from "../../../schema/Time.ts"
import type { JsonObject } from "../Apiserver.ts"
import { type Cause, invalidValue, required } from "./errors.ts"
import { isObject, listAt, nameOf, objectAt, textAt } from "./json.ts"
import { type Kind, verbs } from "./kind.ts"
import { prune, withDefaults } from "./structural.ts"
import { violations } from "./validation.ts"

const namesOf = (definition: JsonObject): JsonObject => objectAt(objectAt(definition, "spec"), "names")

const versionsOf = (definition: JsonObject): ReadonlyArray<JsonObject> =>
  listAt(objectAt(definition, "spec"), "versions").filter(isObject)

const isConditionTrue = (type: string, reason: string, message: string, now: string): JsonObject => ({
  type,
  status: "True",
  lastTransitionTime: now,
  reason,
  message
})

/** Names that were left out follow from the others, and the kind is served from the same moment on. */
const prepare = (definition: JsonObject, before: JsonObject | undefined, now: number): JsonObject => {
  const spec = objectAt(definition, "spec")
  const names = namesOf(definition)
  const kind = textAt(names, "kind")
  const accepted = { listKind: `${kind}List`, singular: kind.toLowerCase(), ...names }
  const stored = versionsOf(definition)
    .filter((version) => version["storage"] === true)
    .map((version) => textAt(version, "name"))
  const conditions = [
    isConditionTrue("NamesAccepted", "NoConflicts", "no conflicts found", formatTime(now)),
    isConditionTrue(
      "Established",
      "InitialNamesAccepted",
      "the initial names have been accepted",
      formatTime(now)
    )
  ]
  return {
    ...definition,
    spec: { conversion: { strategy: "None" }, ...spec, names: accepted },
    status: {
      acceptedNames: accepted,
      storedVersions: stored,
      conditions: before === undefined ? conditions : listAt(objectAt(before, "status"), "conditions")
    }
  }
}

const rules = (definition: JsonObject): ReadonlyArray<Cause> => {
  const spec = objectAt(definition, "spec")
  const expected = `${textAt(namesOf(definition), "plural")}.${textAt(spec, "group")}`
  const versions = versionsOf(definition)
  return [
    ...(nameOf(definition) === expected
      ? []
      : [invalidValue("metadata.name", nameOf(definition), 'must be spec.names.plural+"."+spec.group')]),
    ...(textAt(namesOf(definition), "kind") === "" ? [required("spec.names.kind")] : []),
    ...(["Namespaced", "Cluster"].includes(textAt(spec, "scope")) ? [] : [required("spec.scope")]),
    ...(versions.filter((version) => version["storage"] === true).length === 1
      ? []
      : [
          invalidValue(
            "spec.versions",
            versions.map((version) => textAt(version, "name")),
            "must have exactly one version marked as storage version"
          )
        ]),
    ...versions.flatMap((version, i) =>
      isObject(objectAt(version, "schema")["openAPIV3Schema"])
        ? []
        : [required(`spec.versions[${i}].schema.openAPIV3Schema`, "schemas are required")]
    )
  ]
}

export const definitions: Kind = {
  resource: {
    group: "apiextensions.k8s.io",
    version: "v1",
    kind: "CustomResourceDefinition",
    plural: "customresourcedefinitions",
    singular: "customresourcedefinition",
    shortNames: ["crd", "crds"],
    categories: ["api-extensions"],
    namespaced: false,
    hasStatus: true,
    schema: undefined,
    columns: [],
    selectableFields: [],
    verbs
  },
  hasGeneration: true,
  takesUnconditionalUpdate: false,
  isNamedByLabel: false,
  admit: (object, before, now) => {
    const prepared = prepare(object, before, now)
    return { object: prepared, unknown: [], causes: rules(prepared) }
  }
}

const strings = (object: JsonObject, key: string): ReadonlyArray<string> =>
  listAt(object, key).filter((item) => typeof item === "string")

/** The kinds that a definition brings, one a served version. */
export const kindsOf = (definition: JsonObject): ReadonlyArray<Kind> => {
  const spec = objectAt(definition, "spec")
  const names = namesOf(definition)
  return versionsOf(definition)
    .filter((version) => version["served"] === true)
    .map((version) => {
      const schema = objectAt(objectAt(version, "schema"), "openAPIV3Schema")
      return {
        resource: {
          group: textAt(spec, "group"),
          version: textAt(version, "name"),
          kind: textAt(names, "kind"),
          plural: textAt(names, "plural"),
          singular: textAt(names, "singular"),
          shortNames: strings(names, "shortNames"),
          categories: strings(names, "categories"),
          namespaced: spec["scope"] === "Namespaced",
          hasStatus: isObject(objectAt(version, "subresources")["status"]),
          schema,
          columns: listAt(version, "additionalPrinterColumns").filter(isObject),
          selectableFields: listAt(version, "selectableFields")
            .filter(isObject)
            .map((field) => textAt(field, "jsonPath")),
          verbs
        },
        hasGeneration: true,
        takesUnconditionalUpdate: false,
        isNamedByLabel: false,
        admit: (object: JsonObject) => {
          const known = prune(object, schema)
          const filled = withDefaults(known.object, schema)
          return { object: filled, unknown: known.unknown, causes: violations(filled, schema) }
        }
      }
    })
}
