import { kubectlSuite } from "./kubectl.ts"

kubectlSuite("1.35")
