/** Java and Kotlin: Maven and Gradle, by the wrapper that a project brings or the program itself. */
import type { Check } from "../checks.ts"
import { type Discover, firstOf, has, type Project } from "./Project.ts"

const isTest = (path: string): boolean => /(?:^|\/)src\/(?:\w*[tT]est)\/.*\.(?:java|kt|groovy)$/u.test(path)

/** A wrapper downloads the version that the project names; it is preferred only where nobody looked, or the program is missing. */
const programOf = (project: Project, wrapper: string, program: string): string =>
  has(project, wrapper) && (project.isUnattended || !project.hasProgram(program))
    ? `sh ./${wrapper}`
    : program

export const maven: Discover = (project) => {
  if (!has(project, "pom.xml")) return []
  const program = `${programOf(project, "mvnw", "mvn")} -B -q`
  return [
    {
      name: "setup",
      role: "setup",
      // What the test runner itself needs is only known once it starts: a run of no test.
      command: `${program} -Dtest=NoSuchTest -DfailIfNoTests=false -Dsurefire.failIfNoSpecifiedTests=false test`,
      lockFiles: ["**/pom.xml"],
      network: true
    },
    { name: "mvn compile", role: "build", command: `${program} test-compile` },
    ...(project.paths.some(isTest)
      ? [{ name: "mvn test", role: "test", command: `${program.replace(" -q", "")} test` } satisfies Check]
      : [])
  ]
}

export const gradle: Discover = (project) => {
  if (
    firstOf(project, ["build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts"]) ===
    undefined
  )
    return []
  const program = `${programOf(project, "gradlew", "gradle")} --no-daemon --console=plain`
  return [
    {
      name: "setup",
      role: "setup",
      command: `${program} -q testClasses`,
      lockFiles: ["**/*.gradle", "**/*.gradle.kts", "gradle/**", "gradle.properties"],
      network: true
    },
    { name: "gradle classes", role: "build", command: `${program} testClasses` },
    ...(project.paths.some(isTest)
      ? [{ name: "gradle test", role: "test", command: `${program} test` } satisfies Check]
      : [])
  ]
}
