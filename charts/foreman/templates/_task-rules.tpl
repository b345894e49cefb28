{{/* What a daemon does with tasks and what belongs to them. */}}
{{- define "foreman.agentTaskRules" -}}
- apiGroups: [foreman.llmkube.dev]
  resources: [agentictasks]
  verbs: [get, list, watch]
- apiGroups: [foreman.llmkube.dev]
  resources: [agentictasks/status]
  verbs: [patch]
# Until when a model's endpoint says later.
- apiGroups: [foreman.llmkube.dev]
  resources: [agents/status]
  verbs: [patch]
{{ include "foreman.runRules" . }}
{{- end }}

{{/* What a run needs besides the task itself; the daemon's and the coder Job's alike. */}}
{{- define "foreman.runRules" -}}
- apiGroups: [foreman.llmkube.dev]
  resources: [agents]
  verbs: [get]
# A transcript's owner reference blocks the deletion of its task.
- apiGroups: [foreman.llmkube.dev]
  resources: [agentictasks/finalizers]
  verbs: [update]
# Transcripts: written, never read.
- apiGroups: [""]
  resources: [configmaps]
  verbs: [create, patch]
- apiGroups: [inference.llmkube.dev]
  resources: [inferenceservices]
  verbs: [get]
# The port of a model, where its Service is reached by another host.
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [list]
{{- end }}

{{/* The keys of models, by name. */}}
{{- define "foreman.apiKeyRules" -}}
{{- with .Values.apiKeySecrets -}}
- apiGroups: [""]
  resources: [secrets]
  resourceNames: {{ toJson . }}
  verbs: [get]
{{- end }}
{{- end }}
