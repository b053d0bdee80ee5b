{{/*
Helpers that take a workload are given a dict: root (the top context), name (of
the workload's objects) and component (what it is to the stack).
*/}}

{{/* What selects a workload's pods. Selectors cannot change: no version, no chart label. */}}
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
An image reference. Takes root, image (repository and tag) and path (the value
that holds them). A tag must be set; only where there is no cluster, as for helm
template and helm lint, a word stands in for it. Every cluster serves
apiregistration.k8s.io, and Helm alone does not know it.
*/}}
{{- define "tiktok.image" -}}
{{- $none := ternary "" "unset" (.root.Capabilities.APIVersions.Has "apiregistration.k8s.io/v1") }}
{{- $tag := .image.tag | default $none }}
{{- .image.repository }}:{{ required (printf "set %s.tag: tkdeploy does it from the image's inputs" .path) $tag }}
{{- end }}

{{/* The start of every pod's spec: an identity of its own, without a token unless token is true; no root; spread over the nodes. Takes uid too. */}}
{{- define "tiktok.podSpec" -}}
serviceAccountName: {{ .name }}
automountServiceAccountToken: {{ .token | default false }}
enableServiceLinks: false
dnsConfig: # the default waits 5 s for a lost packet, as long as a call may take
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

{{/* A drain of nodes takes a workload's pods one at a time. With a single pod there is nothing to promise. */}}
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

{{/* The volume that each pod of a StatefulSet gets. Takes storage (size and className). */}}
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
