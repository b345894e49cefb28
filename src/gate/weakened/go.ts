export { readFile } from "./python.ts"
