{{/* ConfigMap postgres-files */}}
{{- define "tiktok.postgresqlFiles" -}}
{{- range list "start.sh" "provision.sql" "pg_hba.conf" }}
{{ . }}: |
  {{- $.Files.Get (printf "files/postgresql/%s" .) | nindent 2 }}
{{- end }}
postgresql.conf: |
  {{- .Files.Get "files/postgresql/postgresql.conf" | nindent 2 }}
  {{- range $name, $value := .Values.postgresql.config }}
  {{ $name }} = '{{ $value | replace "'" "''" }}'
  {{- end }}
{{- end }}

{{/* The keys of tiktok-db-secrets that the container reads. */}}
{{- define "tiktok.postgresqlSecrets" -}}
[DB_PASSWORD, DB_REPLICATION_PASSWORD]
{{- end }}

{{- define "tiktok.postgresqlEnv" -}}
envFrom:
  - configMapRef: {name: tiktok-db-config}
env:
  - name: POD_NAME
    valueFrom:
      fieldRef: {fieldPath: metadata.name}
  - {name: PGDATA, value: /var/lib/postgresql/data/pgdata}
  - {name: PRIMARY_HOST, value: postgres}
  {{- range include "tiktok.postgresqlSecrets" . | fromYamlArray }}
  - name: {{ . }}
    valueFrom:
      secretKeyRef: {name: tiktok-db-secrets, key: {{ . }}}
  {{- end }}
{{- end }}
