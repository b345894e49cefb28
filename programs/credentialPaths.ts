/** What opens the cluster or a remote, and so must not be seen by a command that a model asks for. */
import { resolve } from "node:path"

export const credentialPaths = (
  kubeconfig: string,
  env: Readonly<Record<string, string | undefined>>,
  ...files: ReadonlyArray<string>
): ReadonlyArray<string> => [
  "/secrets",
  "/var/run/secrets",
  ...[...files, kubeconfig, ...(env["KUBECONFIG"] ?? "").split(":")]
    .filter((path) => path !== "")
    .map((path) => resolve(path))
]
