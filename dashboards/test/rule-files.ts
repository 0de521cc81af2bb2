// SPDX-License-Identifier: Apache-2.0
// The rules for Prometheus: what it records, what it alerts on.

export const RULE_FILES: readonly string[] = ['dashboards/rules/recording.yml', 'dashboards/rules/alerts.yml'];
