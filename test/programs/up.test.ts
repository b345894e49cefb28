import { userInfo } from "node:os"
import { join } from "node:path"

import { assert, it } from "vitest"

import { defaultDataDir } from "../../programs/up.ts"

it("a HOME or XDG_DATA_HOME that is set to nothing counts as unset", () => {
  const byDefault = join(userInfo().homedir, ".local", "share", "foreman")
  assert.deepStrictEqual(
    [
      defaultDataDir({}),
      defaultDataDir({ HOME: "", XDG_DATA_HOME: "" }),
      defaultDataDir({ HOME: "/home/ada", XDG_DATA_HOME: "" }),
      defaultDataDir({ HOME: "/home/ada", XDG_DATA_HOME: "/data" })
    ],
    [byDefault, byDefault, "/home/ada/.local/share/foreman", "/data/foreman"]
  )
})
