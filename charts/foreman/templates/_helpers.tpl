{{/*
Values that a release of an older chart does not have are read through parentheses, so that `helm upgrade --reuse-values` works.
*/}}

{{- define "foreman.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Short enough that `-operator` and `-gate-cache` still fit into a label. */}}
{{- define "foreman.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" }}
{{- end -}}
{{- end }}

{{- define "foreman.namespace" -}}
{{- default .Release.Namespace .Values.namespace }}
{{- end }}

{{/* Of Jobs and Leases. */}}
{{- define "foreman.foremanNamespace" -}}
{{- default (include "foreman.namespace" .) .Values.foremanNamespace }}
{{- end }}

{{- define "foreman.installsCRDs" -}}
{{- ne (toString (.Values.crds).install) "false" }}
{{- end }}

{{/* What a selector may hold: {root, component, pool}. */}}
{{- define "foreman.selectorLabels" -}}
app.kubernetes.io/name: {{ include "foreman.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- with .pool }}
foreman.llmkube.dev/agent-pool: {{ . }}
{{- end }}
{{- end }}

{{/* {root, component, pool}; component and pool may be absent. */}}
{{- define "foreman.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/name: {{ include "foreman.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: foreman
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- with .pool }}
foreman.llmkube.dev/agent-pool: {{ . }}
{{- end }}
{{- end }}

{{/* {root, image}: repository@digest, or repository:tag. */}}
{{- define "foreman.image" -}}
{{- if .image.digest -}}
{{- printf "%s@%s" .image.repository .image.digest }}
{{- else -}}
{{- printf "%s:%s" .image.repository (default .root.Chart.AppVersion .image.tag) }}
{{- end -}}
{{- end }}

{{- define "foreman.operator.serviceAccountName" -}}
{{- if .Values.operator.serviceAccount.create -}}
{{- default (printf "%s-operator" (include "foreman.fullname" .)) .Values.operator.serviceAccount.name }}
{{- else -}}
{{- default "default" .Values.operator.serviceAccount.name }}
{{- end -}}
{{- end }}

{{- define "foreman.coder.serviceAccountName" -}}
{{- default "foreman-coder" .Values.coder.serviceAccount.name }}
{{- end }}

{{/*
The agents as a list under `pools`, for fromYaml: the single one without a pool name, or one for each key of .Values.agents that is not
disabled. Each has name (of Deployment and rights), pool, account, cache (claim name or empty), taskNamespace and values.
*/}}
{{- define "foreman.pools" -}}
{{- $fullname := include "foreman.fullname" . -}}
{{- $pools := list -}}
{{- $named := .Values.agents | default dict -}}
{{- $sources := dict -}}
{{- if $named -}}
{{- range $pool, $differs := $named -}}
{{- $_ := set $sources $pool (mergeOverwrite (deepCopy $.Values.agent) (deepCopy ($differs | default dict))) -}}
{{- end -}}
{{- else -}}
{{- $_ := set $sources "" .Values.agent -}}
{{- end -}}
{{- range $pool, $values := $sources -}}
{{- if ne (toString $values.enabled) "false" -}}
{{- $base := ternary $fullname (printf "%s-%s" $fullname $pool) (eq $pool "") -}}
{{- $name := printf "%s-agent" $base -}}
{{- $account := default (ternary $name "default" $values.serviceAccount.create) $values.serviceAccount.name -}}
{{- $cache := "" -}}
{{- if $values.gateCache.enabled -}}
{{- $cache = default (printf "%s-gate-cache" $base) $values.gateCache.name -}}
{{- end -}}
{{- $pools = append $pools (dict "pool" $pool "name" $name "account" $account "cache" $cache "taskNamespace" (default "default" $values.taskNamespace) "values" $values) -}}
{{- end -}}
{{- end -}}
{{- toYaml (dict "pools" $pools) }}
{{- end }}

{{/* ValidatingAdmissionPolicy is there from Kubernetes 1.30 on. */}}
{{- define "foreman.enforcesApprovals" -}}
{{- and (ne (toString (.Values.approvals).enforce) "false") (semverCompare ">=1.30.0-0" .Capabilities.KubeVersion.Version) }}
{{- end }}

{{/* User names that may not approve, as a list of JSON: the accounts of the operator, the agents and the coders, and those that a person adds. */}}
{{- define "foreman.refusedApprovers" -}}
{{- $namespace := include "foreman.namespace" . -}}
{{- $users := list -}}
{{- if .Values.operator.enabled -}}
{{- $users = append $users (printf "system:serviceaccount:%s:%s" $namespace (include "foreman.operator.serviceAccountName" .)) -}}
{{- end -}}
{{- range (include "foreman.pools" . | fromYaml).pools -}}
{{- $users = append $users (printf "system:serviceaccount:%s:%s" $namespace .account) -}}
{{- end -}}
{{- if (.Values.coder).enabled -}}
{{- $users = append $users (printf "system:serviceaccount:%s:%s" (include "foreman.foremanNamespace" .) (include "foreman.coder.serviceAccountName" .)) -}}
{{- end -}}
{{- range (.Values.approvals).refusedUsers -}}
{{- $users = append $users . -}}
{{- end -}}
{{- $users | uniq | sortAlpha | toJson }}
{{- end }}

{{/* Namespaces of tasks, without "*", once each, as `namespaces`. */}}
{{- define "foreman.taskNamespaces" -}}
{{- $namespaces := .Values.taskNamespaces | default list -}}
{{- range (include "foreman.pools" . | fromYaml).pools -}}
{{- if ne .taskNamespace "*" -}}
{{- $namespaces = append $namespaces .taskNamespace -}}
{{- end -}}
{{- end -}}
{{- toYaml (dict "namespaces" ($namespaces | default (list "default") | uniq | sortAlpha)) }}
{{- end }}

{{/* A map as k=v,k2=v2. */}}
{{- define "foreman.pairs" -}}
{{- $pairs := list -}}
{{- range $key, $value := . -}}
{{- $pairs = append $pairs (printf "%s=%v" $key $value) -}}
{{- end -}}
{{- join "," $pairs }}
{{- end }}
