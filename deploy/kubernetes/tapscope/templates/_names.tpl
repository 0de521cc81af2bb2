{{/* SPDX-License-Identifier: Apache-2.0 */}}
{{- define "tapscope.name" -}}
{{- if contains "tapscope" .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-tapscope" (.Release.Name | trunc 40 | trimSuffix "-") -}}
{{- end -}}
{{- end -}}

{{- define "tapscope.selector" -}}
app.kubernetes.io/name: tapscope
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "tapscope.labels" -}}
{{ include "tapscope.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "tapscope-%s" .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "tapscope.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "tapscope.name" .) -}}
{{- end -}}

{{- define "tapscope.tenantMap" -}}
{{- if and .Values.tenantMap.lines .Values.tenantMap.configMap -}}
{{- fail "tenantMap has both lines and configMap: give one of them." -}}
{{- end -}}
{{- if .Values.tenantMap.lines -}}{{ include "tapscope.name" . }}-tenants{{- else -}}{{ .Values.tenantMap.configMap }}{{- end -}}
{{- end -}}
