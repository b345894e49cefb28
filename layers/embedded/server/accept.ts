/** What a client wants to read, from its Accept header. Pure. */

/** `as` is "" for the object itself. */
export interface Representation {
  readonly as: "" | "Table" | "PartialObjectMetadata" | "PartialObjectMetadataList" | "APIGroupDiscoveryList"
  readonly group: string
  readonly version: string
}

export const plainJson: Representation = { as: "", group: "", version: "" }

const parameter = (parameters: ReadonlyArray<string>, name: string): string =>
  parameters.find((part) => part.startsWith(`${name}=`))?.slice(name.length + 1) ?? ""

const isRepresentation = (as: string): as is Representation["as"] =>
  ["", "Table", "PartialObjectMetadata", "PartialObjectMetadataList", "APIGroupDiscoveryList"].includes(as)

/**
 * The first form of the header that `offered` takes; undefined is 406. Clients list what they like best first and send no q
 * values, so none are weighed. JSON is the only encoding.
 */
export const negotiate = (
  header: string | undefined,
  offered: (form: Representation) => boolean
): Representation | undefined => {
  if (header === undefined || header.trim() === "") return plainJson
  for (const entry of header.slice(0, 4096).split(",")) {
    const [media = "", ...parameters] = entry.split(";").map((part) => part.trim())
    if (!["application/json", "application/*", "*/*"].includes(media.toLowerCase())) continue
    const as = parameter(parameters, "as")
    if (!isRepresentation(as)) continue
    const form = { as, group: parameter(parameters, "g"), version: parameter(parameters, "v") }
    if (as === "" || offered(form)) return as === "" ? plainJson : form
  }
  return undefined
}

/** Tables and bare metadata, which every resource offers. */
export const offersMeta = ({ as, group, version }: Representation): boolean =>
  as !== "APIGroupDiscoveryList" && group === "meta.k8s.io" && version === "v1"

export const offersDiscovery = ({ as, group, version }: Representation): boolean =>
  as === "APIGroupDiscoveryList" && group === "apidiscovery.k8s.io" && version === "v2"

export const contentType = ({ as, group, version }: Representation): string =>
  as === "" ? "application/json" : `application/json;g=${group};v=${version};as=${as}`
