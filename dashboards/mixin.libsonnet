// SPDX-License-Identifier: Apache-2.0
// The dashboards, alerts and recording rules of tapscope as a Prometheus mixin. What may be chosen is in mixin/config.libsonnet.
local urls = import 'mixin/addresses.libsonnet';
local chosen = import 'mixin/selector.libsonnet';

{
  grafanaDashboards+:: {
    ['tapscope-%s.json' % name]: urls.inDashboard($._config, chosen.inDashboard($._config, shipped[name])) {
      title: $._config.dashboardNamePrefix + super.title,
      tags: $._config.dashboardTags,
    }
    for name in std.objectFields(shipped)
  },

  prometheusAlerts+:: {
    local groups = (import 'mixin/alerts.json').groups
                   + (if $._config.fleetAlerts then (import 'mixin/fleet-alerts.json').groups else []),
    groups+: urls.inAlerts($._config, chosen.inRules($._config, groups)),
  },

  prometheusRules+:: {
    local groups = (import 'mixin/recording.json').groups
                   + (if $._config.fleetRecording then (import 'mixin/fleet-recording.json').groups else []),
    groups+: chosen.inRules($._config, groups),
  },

  local shipped = {
    agent: import 'json/agent.json',
    backpressure: import 'json/backpressure.json',
    fleet: import 'json/fleet.json',
    host: import 'json/host.json',
    queue: import 'json/queue.json',
    vm: import 'json/vm.json',
  },
}
+ (import 'mixin/config.libsonnet')
