/** What a real API server refuses in a pod's spec, as far as Foreman's own pods and common slips go. */
import type { JsonObject } from "../Apiserver.ts"
import { type Cause, duplicate, notFoundValue, required } from "./errors.ts"
import { isObject, listAt, textAt } from "./json.ts"
import { labelNameRules } from "./metadata.ts"

const objectsAt = (object: JsonObject, key: string): ReadonlyArray<JsonObject> =>
  listAt(object, key).filter(isObject)

const containerRules = (
  container: JsonObject,
  path: string,
  volumes: ReadonlySet<string>
): ReadonlyArray<Cause> => {
  const name = textAt(container, "name")
  return [
    ...(name === "" ? [required(`${path}.name`)] : labelNameRules(`${path}.name`, name)),
    ...(textAt(container, "image") === "" ? [required(`${path}.image`)] : []),
    ...objectsAt(container, "env").flatMap((variable, i) =>
      textAt(variable, "name") === "" ? [required(`${path}.env[${i}].name`)] : []
    ),
    ...objectsAt(container, "volumeMounts").flatMap((mount, i) => {
      const volume = textAt(mount, "name")
      return volumes.has(volume) ? [] : [notFoundValue(`${path}.volumeMounts[${i}].name`, volume)]
    })
  ]
}

/** Names that occur before in the same list. */
const duplicates = (objects: ReadonlyArray<JsonObject>, path: string): ReadonlyArray<Cause> => {
  const names = objects.map((object) => textAt(object, "name"))
  return names.flatMap((name, i) =>
    name !== "" && names.indexOf(name) < i ? [duplicate(`${path}[${i}].name`, name)] : []
  )
}

/** `path` is where the spec lies: `spec` of a Pod, `spec.template.spec` of a Job. */
export const podSpecRules = (spec: JsonObject, path: string): ReadonlyArray<Cause> => {
  const volumes = objectsAt(spec, "volumes")
  const names = new Set(volumes.map((volume) => textAt(volume, "name")))
  const lists = ["initContainers", "containers"].map((field) => ({
    at: `${path}.${field}`,
    containers: objectsAt(spec, field)
  }))
  return [
    ...duplicates(volumes, `${path}.volumes`),
    ...(listAt(spec, "containers").length === 0 ? [required(`${path}.containers`)] : []),
    ...lists.flatMap(({ at, containers }) => [
      ...containers.flatMap((container, i) => containerRules(container, `${at}[${i}]`, names)),
      ...duplicates(containers, at)
    ])
  ]
}
