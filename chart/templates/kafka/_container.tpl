{{/* What Kafka's container reads. */}}

{{/* Where clients reach the broker after their first connection: the pod by its own name. */}}
{{- define "tiktok.kafkaHost" -}}
kafka-0.kafka-pods.{{ .Release.Namespace }}.svc.{{ .Values.clusterDomain }}
{{- end }}

{{/* ConfigMap kafka-files: the start script and the server's configuration. */}}
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

{{/* The environment. The cluster's ID, 16 bytes in base64, follows from the release: a volume that it left behind is taken up again. */}}
{{- define "tiktok.kafkaEnv" -}}
env:
  - {name: CLUSTER_ID, value: {{ printf "%s/%s" .Release.Namespace .Release.Name | sha256sum | trunc 16 | b64enc | trunc 22 }}}
  - {name: KAFKA_HEAP_OPTS, value: {{ printf "-Xms%s -Xmx%s" .Values.kafka.heap .Values.kafka.heap }}}
  {{- with .Values.kafka.javaOptions }}
  - {name: KAFKA_JVM_PERFORMANCE_OPTS, value: {{ . | quote }}} # in place of those that Kafka's script has
  {{- end }}
{{- end }}
