{{/* Takes the service. */}}
{{- define "tiktok.serviceEnv" -}}
envFrom:
  - configMapRef: {name: tiktok-config}
  {{- if has "postgresql" (.calls | default list) }}
  - configMapRef: {name: tiktok-db-config}
  {{- end }}
  {{- if .env }}
  - configMapRef: {name: {{ .name }}-env}
  {{- end }}
env:
  - {name: PORT, value: {{ .port | quote }}}
  {{- with .grpcPort }}
  - {name: GRPC_PORT, value: {{ . | quote }}}
  {{- end }}
  {{- range .secrets }}
  - name: {{ . }}
    valueFrom:
      secretKeyRef: {name: tiktok-db-secrets, key: {{ . }}}
  {{- end }}
{{- end }}

{{/* Checksums of the sources of the environment, so that a change restarts the pods. Takes root and service. */}}
{{- define "tiktok.serviceChecksums" -}}
checksum/config: {{ print (include "tiktok.config" .root) (.service.env | default dict | toJson) | sha256sum }}
{{- if has "postgresql" (.service.calls | default list) }}
checksum/db-config: {{ include "tiktok.dbConfig" .root | sha256sum }}
{{- end }}
{{- with .service.secrets }}
checksum/secrets: {{ include "tiktok.secretsChecksum" (dict "root" $.root "keys" .) }}
{{- end }}
{{- end }}

{{/*
Startup and liveness check only the process, not its database. Readiness checks
everything that a request needs. Takes the value probes.
*/}}
{{- define "tiktok.serviceProbes" -}}
startupProbe:
  httpGet: {path: /health/live, port: http}
  {{- toYaml .startup | nindent 2 }}
readinessProbe:
  httpGet: {path: /health, port: http}
  {{- toYaml .readiness | nindent 2 }}
livenessProbe:
  httpGet: {path: /health/live, port: http}
  {{- toYaml .liveness | nindent 2 }}
{{- end }}
