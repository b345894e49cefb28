/** Files that say which dependencies a project has, by the names that package managers look for, in any folder. */

const locks =
  /(^|\/)(?:package-lock\.json|npm-shrinkwrap\.json|pnpm-lock\.yaml|yarn\.lock|bun\.lockb?|uv\.lock|poetry\.lock|requirements[^/]*\.txt|go\.(?:mod|sum|work|work\.sum)|Cargo\.(?:toml|lock)|Gemfile(?:\.lock)?)$/u
const manifests =
  /(^|\/)(?:package\.json|pyproject\.toml|setup\.(?:py|cfg)|pom\.xml|[^/]*\.gradle(?:\.kts)?)$/u

/** Names versions and nothing else: no tool runs it. */
export const isLockFile = (path: string): boolean => locks.test(path)

/** Decides what an installation installs; a manifest may decide about more than that. */
export const decidesDependencies = (path: string): boolean => locks.test(path) || manifests.test(path)
