// SPDX-License-Identifier: Apache-2.0
// The links of alerts and dashboards: where a configuration says an address, that takes the place of Prometheus' external label, or of a
// dashboard's constant.
local label = function(name) '{{ $externalLabels.tapscope_%s }}' % name;
local labelOr = function(name, otherwise) '{{ with $externalLabels.tapscope_%s }}{{ . }}{{ else }}%s{{ end }}' % [name, otherwise];

local written = function(config, text)
  local withPage = if config.pages == null then text else std.strReplace(text, labelOr('pages', 'http://'), config.pages);
  local withGrafana = if config.grafana == null then withPage else std.strReplace(withPage, label('grafana'), config.grafana);
  // It stands in several forms: as the folder, and as the folder beside which the rules lie.
  if config.runbooks == null then withGrafana
  else std.strReplace(withGrafana, '$externalLabels.tapscope_runbooks', std.escapeStringJson(config.runbooks));

// The constants of a dashboard that its links begin with.
local constant(config, variable) =
  local chosen = { runbooks: config.runbooks, pages: config.pages };
  local address = if variable.type == 'constant' then chosen[variable.name] else null;
  if address == null then variable else variable { query: address };

{
  inDashboard(config, dashboard):: dashboard {
    templating+: { list: [constant(config, variable) for variable in super.list] },
  },

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
