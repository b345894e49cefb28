/** C and C++ with CMake: its tests by CTest. */
import { type Discover, has } from "./Project.ts"

/** Ignored from inside: a repository need not know the folder. */
const configure = "cmake -S . -B build && echo '*' > build/.gitignore && cmake --build build --parallel"

export const cmake: Discover = (project) => {
  if (!has(project, "CMakeLists.txt") || project.paths.some((path) => path.startsWith("build/"))) return []
  const hasTests = [...project.texts].some(
    ([path, text]) =>
      /(?:^|\/)CMakeLists\.txt$/u.test(path) &&
      /\b(?:enable_testing|add_test|gtest_discover_tests|include\s*\(\s*CTest)\b/iu.test(text)
  )
  return [
    { name: "cmake", role: "build", command: configure },
    // Built again where only the sources of another commit lie: CTest runs what is there.
    ...(hasTests
      ? [
          {
            name: "ctest",
            role: "test" as const,
            command: `${configure} && ctest --test-dir build --output-on-failure`
          }
        ]
      : [])
  ]
}
