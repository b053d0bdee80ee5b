{{- define "base.name" -}}
{{ .context.Release.Name }}-{{ .name }}
{{- end }}

{{- define "base.web" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "base.name" . }}
spec:
  replicas: {{ .settings.replicas | default 1 }}
  selector: {matchLabels: {app: {{ .name }}}}
  template:
    metadata:
      labels: {app: {{ .name }}}
      {{- with .settings.podAnnotations }}
      annotations: {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      containers:
        - name: {{ .name }}
          image: "{{ .context.Values.image.repository }}:{{ .context.Values.image.tag }}"
          args: [serve]
          ports: [{name: http, containerPort: 8080}]
          readinessProbe: {httpGet: {path: /, port: http}, periodSeconds: 1}
          resources: {{- toYaml .settings.resources | nindent 12 }}
---
apiVersion: v1
kind: Service
metadata:
  name: {{ include "base.name" . }}
spec:
  selector: {app: {{ .name }}}
  ports: [{name: http, port: {{ .settings.port }}, targetPort: http}]
{{- end }}
