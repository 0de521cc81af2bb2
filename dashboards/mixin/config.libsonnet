// SPDX-License-Identifier: Apache-2.0
// Options of the mixin: `(import 'mixin.libsonnet') + { _config+:: { selector: 'cluster="prod"' } }`.
{
  _config+:: {
    // Which scrape jobs are tapscope's.
    jobSelector: 'job="tapscope"',
    // Further label matchers that every query gets, or ''.
    selector: '',

    // The address of docs/runbooks; null: the external label tapscope_runbooks, and /public/tapscope/runbooks in dashboards.
    runbooks: null,
    // The address of Grafana; null: the external label tapscope_grafana.
    grafana: null,
    // Prefix of an agent's host:port in the address of its live page, as https://; null: the external label tapscope_pages, or http://.
    pages: null,

    dashboardNamePrefix: '',
    dashboardTags: ['tapscope'],

    // For the Prometheus that scrapes the hosts of a fleet: what it records and sends on (docs/fleet.md).
    fleetRecording: false,
    // For the Ruler or Prometheus that has what all shards send on.
    fleetAlerts: false,
  },
}
