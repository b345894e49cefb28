/** Which unchanged test is nearest to a change. */

/** What no test runs: documents and pictures. Settings count: they may say how tests run. */
const documents =
  /\.(?:md|mdx|rst|adoc|png|jpe?g|gif|svg|ico|pdf)$|(^|\/)(?:LICENSE|NOTICE|CODEOWNERS|CHANGELOG)[^/]*$|^\.(?:github|gitlab|vscode)\/|(^|\/)docs?\//u

export const concernsTests = (path: string): boolean => !documents.test(path)

/** `price` of `shop/price.py`. */
export const stemOf = (path: string): string => (path.split("/").at(-1) ?? path).replace(/\..*$/u, "")

const folderOf = (path: string): string => path.slice(0, path.lastIndexOf("/") + 1)

/** How near a test file is to the nearest changed file: its name, its folder, the words of its path. */
export const closeness = (test: string, changed: ReadonlyArray<string>): number =>
  Math.max(
    0,
    ...changed.map((path) => {
      const folders = folderOf(path)
        .split("/")
        .filter((part) => part !== "")
      const shared = folders.filter((part) => test.split("/").includes(part)).length
      return (test.includes(stemOf(path)) ? 4 : 0) + (folderOf(test) === folderOf(path) ? 2 : 0) + shared / 10
    })
  )
