{{/* The DNS name of the pod, which the broker advertises to clients. */}}
{{- define "tiktok.kafkaHost" -}}
kafka-0.kafka-pods.{{ .Release.Namespace }}.svc.{{ .Values.clusterDomain }}
{{- end }}

{{/* ConfigMap kafka-files */}}
{{- define "tiktok.kafkaFiles" -}}
{{- range list "start.sh" "log4j2.yaml" }}
{{ . }}: |
  {{- $.Files.Get (printf "files/kafka/%s" .) | nindent 2 }}
{{- end }}
server.properties: |
  {{- .Files.Get "files/kafka/server.properties" | nindent 2 }}
  advertised.listeners=CLIENTS://{{ include "tiktok.kafkaHost" . }}:9092
  {{- range $name, $value := .Values.kafka.config }}
  {{ $name }}={{ $value }}
  {{- end }}
{{- end }}

{{/* The environment. The cluster ID, 16 bytes in base64, depends only on the release, so that a new install can use an existing volume. */}}
{{- define "tiktok.kafkaEnv" -}}
env:
  - {name: CLUSTER_ID, value: {{ printf "%s/%s" .Release.Namespace .Release.Name | sha256sum | trunc 16 | b64enc | trunc 22 }}}
  - {name: KAFKA_HEAP_OPTS, value: {{ printf "-Xms%s -Xmx%s" .Values.kafka.heap .Values.kafka.heap }}}
  {{- with .Values.kafka.javaOptions }}
  - {name: KAFKA_JVM_PERFORMANCE_OPTS, value: {{ . | quote }}} # replaces the defaults of Kafka's script
  {{- end }}
{{- end }}
