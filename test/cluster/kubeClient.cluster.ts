import { kubeClientContract } from "../contract/kubeClient.ts"
import { refusalsContract } from "../contract/refusals.ts"
import * as RealCluster from "./realCluster.ts"

// A real server forgets by itself: its watch cache begins where the server did.
kubeClientContract("HttpKubeClient on a real API server", RealCluster.layer)

refusalsContract("A real API server", RealCluster.layer)
