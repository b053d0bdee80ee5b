{{ define "a" }}{{ .Values.image }}{{ end }}
