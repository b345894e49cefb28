/** Ruby: Bundler, RSpec and Rake. */
import type { Check } from "../checks.ts"
import { type Discover, has, textOf } from "./Project.ts"

export const ruby: Discover = (project) => {
  if (!has(project, "Gemfile")) return []
  const isRSpec = project.paths.some((path) => /(?:^|\/)spec\/.*_spec\.rb$/u.test(path))
  const hasTests = project.paths.some((path) => /(?:^|\/)test\/.*\.rb$/u.test(path))
  const isRake = /\b(?:TestTask|task\s+:test)\b/u.test(textOf(project, "Rakefile"))
  const test: Check | undefined = isRSpec
    ? { name: "rspec", role: "test", command: "bundle exec rspec" }
    : hasTests && isRake
      ? { name: "rake test", role: "test", command: "bundle exec rake test" }
      : undefined
  return [
    {
      name: "setup",
      role: "setup",
      command: "BUNDLE_PATH=vendor/bundle bundle install",
      lockFiles: ["Gemfile", "*.gemspec", ...(has(project, "Gemfile.lock") ? ["Gemfile.lock"] : [])],
      network: true
    },
    ...(test === undefined ? [] : [{ ...test, command: `BUNDLE_PATH=vendor/bundle ${test.command}` }])
  ]
}
