{{/* The name of every object: `tocsin` for a release of that name, otherwise RELEASE-tocsin. */}}
{{- define "tocsin.name" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* The labels by which Service, Deployment and policies find the pod. */}}
{{- define "tocsin.selector" -}}
app.kubernetes.io/name: tocsin
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "tocsin.labels" -}}
{{ include "tocsin.selector" . }}
{{ include "tocsin.commonLabels" . }}
{{- end -}}

{{- define "tocsin.commonLabels" -}}
app.kubernetes.io/part-of: tocsin
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "tocsin.metadata" -}}
name: {{ include "tocsin.name" . }}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "tocsin.labels" . | nindent 2 }}
{{- end -}}

{{/* The names of what the replicas share: of their own for each release, unless the configuration names them. */}}
{{- define "tocsin.leaseName" -}}
{{- (((.Values.config).replicas).lease).name | default (include "tocsin.name" .) -}}
{{- end -}}

{{- define "tocsin.peersName" -}}
{{- ((.Values.config).replicas).service | default (printf "%s-peers" (include "tocsin.name" .)) -}}
{{- end -}}

{{- define "tocsin.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository (default .Chart.AppVersion $image.tag) -}}
{{- end -}}
{{- end -}}

{{/* What the values together make of config.controller.action. */}}
{{- define "tocsin.action" -}}
{{- $own := ((.Values.config).controller).action -}}
{{- if and .Values.annotate .Values.observe -}}
{{- fail "annotate and observe are both true: set one of the two" -}}
{{- end -}}
{{- $action := $own | default "condition" -}}
{{- if .Values.annotate -}}{{- $action = "annotate" -}}{{- end -}}
{{- if .Values.observe -}}{{- $action = "log" -}}{{- end -}}
{{- if and $own (ne $own $action) -}}
{{- fail (printf "config.controller.action is %s, but %s is true, which means %s: remove one of the two" $own (ternary "annotate" "observe" .Values.annotate) $action) -}}
{{- end -}}
{{- $action -}}
{{- end -}}

{{/*
A value as YAML. To Helm, U+0085, U+2028 and U+2029 end a line, and to nobody else: with one of them in it, the value is JSON, which is
YAML too, and has them escaped.
*/}}
{{- define "tocsin.yaml" -}}
{{- $json := toJson . | replace "\u0085" "\\u0085" -}}
{{- if regexMatch "\\\\u(0085|2028|2029)" $json -}}
{{- $json -}}
{{- else -}}
{{- toYaml . -}}
{{- end -}}
{{- end -}}

{{/* The text of tocsin.yml. */}}
{{- define "tocsin.config" -}}
{{- $config := deepCopy (.Values.config | default dict) -}}
{{- $action := include "tocsin.action" . -}}
{{- if ne $action "condition" -}}
{{- $_ := set $config "controller" (merge (dict "action" $action) ($config.controller | default dict)) -}}
{{- end -}}
{{- if .Values.silences.enabled -}}
{{- $_ := set $config "receiver" (merge (dict "silence_storage" "kubernetes") ($config.receiver | default dict)) -}}
{{- end -}}
{{- if gt (int .Values.replicas) 1 -}}
{{- $replicas := $config.replicas | default dict -}}
{{- if eq (toString $replicas.enabled) "false" -}}
{{- fail "config.replicas.enabled is false, but there are several replicas: they would all write; remove it, or set replicas to 1" -}}
{{- end -}}
{{- $own := dict -}}
{{- if ne (include "tocsin.name" .) "tocsin" -}}
{{- $own = dict "lease" (dict "name" (include "tocsin.leaseName" .)) "service" (include "tocsin.peersName" .) -}}
{{- end -}}
{{- /* They call each other by address, and the certificate is for the names of the Service. */ -}}
{{- if .Values.tls.enabled -}}
{{- $tls := dict "ca_file" "/etc/tocsin-tls/ca.crt" "server_name" (include "tocsin.name" .) -}}
{{- $own = merge $own (dict "http_config" (dict "tls_config" $tls)) -}}
{{- end -}}
{{- if $own -}}
{{- $_ := set $config "replicas" (merge (deepCopy $replicas) $own) -}}
{{- end -}}
{{- end -}}
{{- if regexMatch "\"(password|credentials|key)\":\"[^\"]|\"secrets\":\\[\"" (toJson $config) -}}
{{- fail "config has a password, credentials, a key or secrets, which everybody who may read ConfigMaps would see: put them into a Secret, name it in pod.secrets, and use password_file, credentials_file, key_file or files" -}}
{{- end -}}
# From `config` of the Helm values. docs/configuration.md has every key and its default.
{{ include "tocsin.yaml" $config }}
{{- end -}}

{{/* The text of web.yml. */}}
{{- define "tocsin.web" -}}
tls_server_config:
  cert_file: /etc/tocsin-tls/tls.crt
  key_file: /etc/tocsin-tls/tls.key
  min_version: TLS12
{{- if .Values.kubernetesAuth.enabled }}
kubernetes:
  enabled: true
  {{- with .Values.kubernetesAuth.audiences }}
  audiences: {{ toJson . }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* The kinds that Tocsin watches, as a list of {group, resources}, in JSON. */}}
{{- define "tocsin.kinds" -}}
{{- $kinds := (((.Values.config).pipelines).kubernetes).kinds -}}
{{- if $kinds -}}
{{- $list := list -}}
{{- range $kinds -}}
{{- $list = append $list (dict "group" .group "resources" (list .resource)) -}}
{{- end -}}
{{- toJson ($list | uniq) -}}
{{- else -}}
[{"group":"telemetry.kyma-project.io","resources":["metricpipelines","tracepipelines","logpipelines"]}]
{{- end -}}
{{- end -}}

{{/*
A definition of a kind, as YAML; empty if it is there already and another release or kubectl keeps it: all releases use the same one.
Without it the cluster deletes every object of the kind, so an uninstall leaves it.
*/}}
{{- define "tocsin.crd" -}}
{{- $root := .root -}}
{{- $crd := .root.Files.Get .path | fromYaml -}}
{{- $found := lookup "apiextensions.k8s.io/v1" "CustomResourceDefinition" "" $crd.metadata.name -}}
{{- $owner := ($found.metadata).annotations | default dict -}}
{{- $isOurs := and (eq (get $owner "meta.helm.sh/release-name") $root.Release.Name) (eq (get $owner "meta.helm.sh/release-namespace") $root.Release.Namespace) -}}
{{- if or (not $found) $isOurs -}}
{{- $_ := set $crd.metadata "labels" (include "tocsin.labels" $root | fromYaml) -}}
{{- $_ := set $crd.metadata "annotations" (dict "helm.sh/resource-policy" "keep") -}}
{{ toYaml $crd }}
{{- end -}}
{{- end -}}

{{/* What every container of the chart has. */}}
{{- define "tocsin.containerSecurity" -}}
allowPrivilegeEscalation: false
privileged: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- define "tocsin.podSecurity" -}}
runAsNonRoot: true
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "tocsin.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ quote . }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* The metadata of an object that a Prometheus or a Grafana finds by labels of the user's own. */}}
{{- define "tocsin.monitoringMetadata" }}
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "tocsin.labels" .root | nindent 4 }}
    {{- with .labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}
