/** A recipe as the gate file that a maintainer would have committed before the change. */
import { stringify } from "yaml"

import type { Recipe } from "./List.ts"

/** `isSetupACheck` is for builds that know no `setup`: its commands then come first, as a check of role build. */
export const gateFileOf = (recipe: Recipe, isSetupACheck: boolean): string => {
  const setup = recipe.setup ?? []
  const checks = recipe.checks.map(({ command, role }, index) => ({
    name: index === 0 ? role : `${role}-${index + 1}`,
    role,
    command
  }))
  const before = isSetupACheck
    ? {
        checks: [
          ...setup.map((command, index) => ({ name: `setup-${index + 1}`, role: "build", command })),
          ...checks
        ]
      }
    : { ...(setup.length > 0 && { setup: setup.map((run) => ({ run })) }), checks }
  const env = recipe.env ?? {}
  return stringify(
    isSetupACheck
      ? {
          checks: before.checks.map((check) => ({
            ...check,
            command: [...Object.entries(env).map(([name, value]) => `${name}=${value}`), check.command].join(
              " "
            )
          }))
        }
      : { ...(Object.keys(env).length > 0 && { env }), ...before },
    { lineWidth: 0 }
  )
}
