import { BaseSequencer, type TestSpecification } from "vitest/node"
import { defineConfig } from "vitest/config"

/** The runbooks install what the others use, so they come first; whatever is not named here comes last. */
const order = ["runbooks", "rights", "faults", "gateInPod", "nodeLost", "kills", "apiserver", "upgrade"]

class InOrder extends BaseSequencer {
  override async sort(files: Array<TestSpecification>) {
    const place = ({ moduleId }: TestSpecification) => {
      const index = order.findIndex((name) => moduleId.endsWith(`/${name}.cluster.ts`))
      return index === -1 ? order.length : index
    }
    return files.toSorted((a, b) => place(a) - place(b))
  }
}

// What needs a real Kubernetes is named *.cluster.ts, so that `npm test` never looks at it. The files share one cluster and one release.
export default defineConfig({
  test: {
    include: ["test/cluster/**/*.cluster.ts"],
    globalSetup: ["test/cluster/setup.ts"],
    fileParallelism: false,
    sequence: { sequencer: InOrder },
    testTimeout: 120_000,
    hookTimeout: 180_000
  }
})
