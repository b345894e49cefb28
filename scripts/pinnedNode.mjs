/** The Node that Foreman is shipped with: the version and the hash that the lock file pins. Plain Node 20 or newer. */
import { existsSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

import { packageFile } from "./npmBinary.mjs"

const root = join(dirname(fileURLToPath(import.meta.url)), "..")
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"))

/**
 * The platforms for which npm has the pinned version of Node, such as `linux-x64`. For macOS npm has only other versions, so Foreman
 * runs there on an installed Node.
 */
export const platforms = Object.keys(manifest.optionalDependencies)
  .filter((name) => name.startsWith("node-"))
  .map((name) => name.slice("node-".length))
  .toSorted()

/** Path of a file of Node's package for a platform: from node_modules if it is installed, else fetched by npm. */
export const pinnedNode = async (platform, entry = "bin/node") => {
  const pinned = lock.packages[`node_modules/node-${platform}`]
  if (pinned === undefined)
    throw new Error(`there is no pinned Node for ${platform}: ${platforms.join(", ")}`)
  const installed = join(root, "node_modules", `node-${platform}`, entry)
  if (existsSync(installed)) return installed
  return packageFile({ spec: `node-${platform}@${pinned.version}`, tarball: pinned.integrity, entry })
}
