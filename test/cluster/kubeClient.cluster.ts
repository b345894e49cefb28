import { beforeAll } from "@effect/vitest"

import { kubeClientContract } from "../contract/kubeClient.ts"
import { refusalsContract } from "../contract/refusals.ts"
import * as RealCluster from "./realCluster.ts"
import { uninstall } from "./world.ts"

// An operator would write into the objects of the tests.
beforeAll(() => uninstall())

// A real server forgets by itself: its watch cache begins where the server did.
kubeClientContract("HttpKubeClient on a real API server", RealCluster.layer)

refusalsContract("A real API server", RealCluster.layer)
