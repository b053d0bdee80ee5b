{{/*
Configuration of the containers. The helpers return only the data, so that a pod
template can include a checksum of exactly the data that its container reads.
*/}}

{{/* ConfigMap tiktok-config: the addresses of services and stores, as <NAME>_ADDR. */}}
{{- define "tiktok.config" -}}
LOG_LEVEL: {{ .Values.logLevel | quote }}
REDIS_ADDR: {{ printf "%s:6379" (.Values.redis.host | default "redis") | quote }}
{{- with .Values.kafka.brokers | default (ternary "kafka:9092" "" .Values.kafka.enabled) }}
KAFKA_BROKERS: {{ . | quote }}
{{- end }}
{{- range .Values.services }}
{{- if .enabled }}
{{ .name | upper | replace "-" "_" }}_ADDR: {{ printf "%s:%v" .name (.grpcPort | default .port) | quote }}
{{- end }}
{{- end }}
{{- end }}

{{/* ConfigMap tiktok-db-config */}}
{{- define "tiktok.dbConfig" -}}
{{- $here := printf "postgres.%s.svc.%s" .Release.Namespace .Values.clusterDomain }}
DB_HOST: {{ .Values.postgresql.host | default $here | quote }}
DB_PORT: "5432"
DB_NAME: {{ .Values.postgresql.auth.database | quote }}
DB_USER: {{ .Values.postgresql.auth.username | quote }}
{{- end }}

{{/*
Secret tiktok-db-secrets in base64: existing keys are kept, missing ones are
generated. The result is cached in the top context, because further calls in the
same rendering must return the same values. Takes the top context.
*/}}
{{- define "tiktok.secrets" -}}
{{- if not (hasKey . "secrets") }}
{{- $secrets := dict }}
{{- $kept := (lookup "v1" "Secret" .Release.Namespace "tiktok-db-secrets").data | default dict }}
{{- range $key, $length := dict "DB_PASSWORD" 32 "DB_REPLICATION_PASSWORD" 32 "JWT_ACCESS_SECRET" 48 }}
{{- $_ := set $secrets $key (get $kept $key | default (randAlphaNum $length | b64enc)) }}
{{- end }}
{{- $_ := set . "secrets" $secrets }}
{{- end }}
{{- toYaml .secrets }}
{{- end }}

{{/* A checksum of some keys of the Secret. Takes root and keys. */}}
{{- define "tiktok.secretsChecksum" -}}
{{- $all := include "tiktok.secrets" .root | fromYaml }}
{{- $read := dict }}
{{- range .keys }}
{{- $_ := set $read . (get $all .) }}
{{- end }}
{{- $read | toJson | sha256sum }}
{{- end }}
