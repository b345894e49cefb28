import { Effect } from "effect"

import * as FakeCluster from "../fakes/FakeCluster.ts"
import { kubeClientContract } from "./kubeClient.ts"
import { refusalsContract } from "./refusals.ts"

kubeClientContract("FakeCluster", FakeCluster.layer, {
  expire: Effect.flatMap(FakeCluster.FakeCluster, (cluster) => cluster.expire)
})

refusalsContract("FakeCluster", FakeCluster.layer)
