{{/*
Allowed connections. Each entry of services.<key>.calls becomes an egress rule of
the caller and an ingress rule of the callee.
*/}}

{{/* Name and port of each store, by its key in calls. */}}
{{- define "tiktok.stores" -}}
postgresql: {name: postgres, port: 5432}
redis: {name: redis, port: 6379}
kafka: {name: kafka, port: 9092}
{{- end }}

{{/* Egress to the cluster's DNS, which every pod needs. */}}
{{- define "tiktok.egressToDNS" -}}
- to:
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: kube-system
  ports:
    - {port: 53, protocol: UDP}
    - {port: 53, protocol: TCP}
{{- end }}

{{/*
Egress to the callees of a service. A store outside the cluster has no pods to
select, so its port is allowed for any address. Takes root and service.
*/}}
{{- define "tiktok.egressToCallees" -}}
{{- $stores := include "tiktok.stores" . | fromYaml }}
{{- range $callee := .service.calls }}
{{- $to := get $.root.Values.services $callee | default (get $stores $callee) }}
{{- $outside := and (hasKey $stores $callee) (not (get $.root.Values $callee).enabled) }}
{{- with $to }}
- ports:
    - {port: {{ .grpcPort | default .port }}, protocol: TCP}
  {{- if not $outside }}
  to:
    - podSelector:
        matchLabels:
          {{- include "tiktok.selectorLabels" (dict "root" $.root "name" .name) | nindent 10 }}
  {{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* Ingress from callers to the first port, and from smoke test pods to all ports. Takes root, key and ports. */}}
{{- define "tiktok.ingressFromCallers" -}}
{{- range .root.Values.services }}
{{- if and .enabled (has $.key (.calls | default list)) }}
- from:
    - podSelector:
        matchLabels:
          {{- include "tiktok.selectorLabels" (dict "root" $.root "name" .name) | nindent 10 }}
  ports:
    - {port: {{ first $.ports }}, protocol: TCP}
{{- end }}
{{- end }}
- from:
    - podSelector:
        matchLabels:
          tkdeploy.dev/smoke: "true"
  ports:
    {{- range .ports }}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
{{- end }}
