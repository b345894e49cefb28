{{/* The daemon's flags, one a line: {root, pool}. What a value leaves open is left to the daemon. */}}
{{- define "foreman.agentArgs" -}}
{{- $root := .root -}}
{{- with .pool.values -}}
- --agent-mode={{ .mode }}
- --roles={{ join "," .roles }}
- --foreman-namespace={{ include "foreman.foremanNamespace" $root }}
- --workspace-dir={{ default "/workspace" .workspaceDir }}
{{- if and (hasKey . "mirrorMaxGB") (ne (int .mirrorMaxGB) 20) }}
- --mirror-max-gb={{ int .mirrorMaxGB }}
{{- end }}
{{- if .taskNamespace }}
- --task-namespace={{ trimAll "*" .taskNamespace }}
{{- end }}
{{- with .accelerator }}
- --accelerator={{ . }}
{{- end }}
{{- with .totalRAMGB }}
- --total-ram-gb={{ int . }}
{{- end }}
{{- if gt (int (default 1 .slots)) 1 }}
- --slots={{ int .slots }}
{{- end }}
{{- with .nodeLabels }}
- {{ printf "--node-labels=%s" (include "foreman.pairs" .) | quote }}
{{- end }}
{{- with .installedModels }}
- --installed-models={{ join "," . }}
{{- end }}
{{- with .inferenceBaseURLOverride }}
- {{ printf "--inference-base-url-override=%s" . | quote }}
{{- end }}
{{- with .gitRemoteURL }}
- {{ printf "--git-remote-url=%s" . | quote }}
{{- end }}
{{- with .commitAuthorName }}
- {{ printf "--commit-author-name=%s" . | quote }}
{{- end }}
{{- with .commitAuthorEmail }}
- {{ printf "--commit-author-email=%s" . | quote }}
{{- end }}
- --gate-image={{ include "foreman.image" (dict "root" $root "image" .image) }}
{{- end }}
{{- with $root.Values.gate }}
- --gate-toolchain-image={{ include "foreman.image" (dict "root" $root "image" .image) }}
{{- with (.resources).requests }}
- --gate-requests={{ include "foreman.pairs" . }}
{{- end }}
{{- with (.resources).limits }}
- --gate-limits={{ include "foreman.pairs" . }}
{{- end }}
- --gate-deadline={{ int .deadlineSeconds }}s
{{- end }}
{{- with .pool.cache }}
- --gate-cache-pvc={{ . }}
{{- end }}
{{- with $root.Values.coder }}
- --coder-git-secret={{ .gitCredentialsSecret }}
- --coder-git-secret-key={{ .gitCredentialsSecretKey }}
{{- with .modelSecret }}
- --coder-model-secret={{ . }}
{{- end }}
{{- with .image }}
- --coder-image={{ include "foreman.image" (dict "root" $root "image" .) }}
{{- end }}
{{- with (.resources).requests }}
- --coder-requests={{ include "foreman.pairs" . }}
{{- end }}
{{- with (.resources).limits }}
- --coder-limits={{ include "foreman.pairs" . }}
{{- end }}
{{- with .journalClaim }}
- --coder-journal-pvc={{ . }}
{{- end }}
{{- end }}
{{- end }}
