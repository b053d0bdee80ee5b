{{/*
Helpers for a workload take a dict: root (the top context), name (of the
workload's objects) and component (its role in the stack).
*/}}

{{/* The labels that select a workload's pods. Selectors are immutable, so they contain no version and no chart. */}}
{{- define "tiktok.selectorLabels" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end }}

{{- define "tiktok.labels" -}}
{{ include "tiktok.selectorLabels" . }}
app.kubernetes.io/component: {{ .component }}
app.kubernetes.io/part-of: {{ .root.Chart.Name }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- end }}

{{/*
An image reference. Takes root, image (repository and tag) and path (the path of
image in the values). The tag is required, except without a cluster, as in helm
template and helm lint, where "unset" replaces it. A cluster is detected by
apiregistration.k8s.io, which every cluster serves and Helm's default lacks.
*/}}
{{- define "tiktok.image" -}}
{{- $none := ternary "" "unset" (.root.Capabilities.APIVersions.Has "apiregistration.k8s.io/v1") }}
{{- $tag := .image.tag | default $none }}
{{- .image.repository }}:{{ required (printf "set %s.tag: tkdeploy sets it to a hash of the image's inputs" .path) $tag }}
{{- end }}

{{/* The common part of all pod specs. Also takes uid, and token to mount the ServiceAccount's token. */}}
{{- define "tiktok.podSpec" -}}
serviceAccountName: {{ .name }}
automountServiceAccountToken: {{ .token | default false }}
enableServiceLinks: false
dnsConfig: # the default timeout of 5 s is as long as the timeout of a call
  options:
    - {name: timeout, value: "1"}
    - {name: attempts, value: "3"}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: {{ .uid }}
  runAsGroup: {{ .uid }}
  fsGroup: {{ .uid }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "tiktok.selectorLabels" . | nindent 8 }}
{{- end }}

{{- define "tiktok.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- define "tiktok.serviceAccount" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ .name }}
  labels:
    {{- include "tiktok.labels" . | nindent 4 }}
automountServiceAccountToken: false
{{- end }}

{{/* Node drains evict a workload's pods one at a time. Use it only for more than one pod. */}}
{{- define "tiktok.podDisruptionBudget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ .name }}
  labels:
    {{- include "tiktok.labels" . | nindent 4 }}
spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      {{- include "tiktok.selectorLabels" . | nindent 6 }}
{{- end }}

{{/* The volume of each pod of a StatefulSet. Takes storage (size and className). */}}
{{- define "tiktok.volumeClaimTemplates" -}}
- metadata:
    name: data
  spec:
    accessModes: [ReadWriteOnce]
    {{- with .storage.className }}
    storageClassName: {{ . }}
    {{- end }}
    resources:
      requests:
        storage: {{ .storage.size }}
{{- end }}
