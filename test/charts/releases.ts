/** Releases whose manifests are kept in `golden`, and that every rule about manifests holds for. */
import type { Release } from "./helm.ts"

const noCRDs = { crds: { install: false } }

export const releases: Readonly<Record<string, Release>> = {
  /** `helm install foreman charts/foreman -n foreman-system`. */
  default: { values: noCRDs },
  /** The runbook's verifier that also codes. */
  verifier: {
    values: {
      ...noCRDs,
      agent: {
        mode: "native",
        roles: ["worker", "verifier"],
        gitRemoteURL: "https://github.com/acme/widget.git",
        commitAuthorEmail: "foreman-bot@example.com",
        githubToken: { secretName: "foreman-github" },
        gateCache: { enabled: false }
      },
      apiKeySecrets: ["openrouter"],
      networkPolicies: { enabled: true, additionalEgressCIDRs: ["10.9.0.0/16"] }
    }
  },
  /** Everything at once, under another name. */
  pools: {
    name: "prod",
    namespace: "tools",
    values: {
      ...noCRDs,
      namespace: "control",
      foremanNamespace: "jobs",
      taskNamespaces: ["team-c"],
      imagePullSecrets: [{ name: "pull" }],
      foreman: { allowCloudProviders: false },
      operator: {
        replicaCount: 2,
        image: { digest: `sha256:${"0".repeat(64)}` },
        metrics: {
          serviceMonitor: { enabled: true },
          alerts: { enabled: true },
          dashboard: { enabled: true }
        }
      },
      agent: { mode: "native", image: { repository: "mirror/foreman", tag: "1.2.3" } },
      agents: {
        gpu: {
          accelerator: "cuda",
          totalRAMGB: 64,
          slots: 2,
          nodeLabels: { "acme.io/rack": "a7" },
          taskNamespace: "team-a",
          installedModels: ["qwen", "gemma"],
          inferenceBaseURLOverride: "http://models:8080/v1",
          commitAuthorName: "Foreman's Bot",
          replicaCount: 3,
          workspaceSizeLimit: "50Gi",
          mirrorMaxGB: 30,
          gateCache: { enabled: false }
        },
        verify: {
          roles: ["verifier"],
          taskNamespace: "*",
          gateCache: { storageClass: "fast", annotations: { "acme.io/backup": "no" } }
        },
        idle: { enabled: false }
      },
      gate: { resources: { requests: { cpu: "500m" } }, deadlineSeconds: 600 },
      coder: {
        modelSecret: "model-auth",
        journalClaim: "runs",
        gitCredentialsSecret: "push",
        gitCredentialsSecretKey: "TOKEN"
      }
    }
  }
}
