// SPDX-License-Identifier: Apache-2.0
// The links of alerts: where a configuration says an address, that takes the place of Prometheus' external label.
local label = function(name) '{{ $externalLabels.tapscope_%s }}' % name;
local labelOr = function(name, otherwise) '{{ with $externalLabels.tapscope_%s }}{{ . }}{{ else }}%s{{ end }}' % [name, otherwise];

local written = function(config, text)
  local withPage = std.strReplace(text, 'http://{{ $labels.instance }}', config.pageScheme + '{{ $labels.instance }}');
  local withGrafana = if config.grafana == null then withPage else std.strReplace(withPage, label('grafana'), config.grafana);
  if config.runbooks == null then withGrafana
  else
    std.strReplace(
      std.strReplace(withGrafana, labelOr('runbooks', 'docs/runbooks'), config.runbooks),
      '{{ with $externalLabels.tapscope_runbooks }}{{ . }}/..{{ else }}docs{{ end }}',
      config.runbooks + '/..'
    );

{
  inAlerts(config, groups):: [
    group {
      rules: [
        rule { annotations: std.mapWithKey(function(name, text) written(config, text), super.annotations) }
        for rule in super.rules
      ],
    }
    for group in groups
  ],
}
