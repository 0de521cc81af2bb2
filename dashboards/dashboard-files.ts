// SPDX-License-Identifier: Apache-2.0
// The dashboards as Grafana reads them, and where they are committed.
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { agentDashboard } from './boards/agent-dashboard.ts';
import { backpressureDashboard } from './boards/backpressure-dashboard.ts';
import { fleetDashboard } from './boards/fleet-dashboard.ts';
import { hostDashboard } from './boards/host-dashboard.ts';
import { queueDashboard } from './boards/queue-dashboard.ts';
import { vmDashboard } from './boards/vm-dashboard.ts';

interface DashboardFile {
  readonly name: string;
  readonly dashboard: Dashboard;
}

const others: readonly DashboardFile[] = [
  { name: 'fleet', dashboard: numbered(fleetDashboard()) },
  { name: 'host', dashboard: numbered(hostDashboard()) },
  { name: 'backpressure', dashboard: numbered(backpressureDashboard()) },
  { name: 'vm', dashboard: numbered(vmDashboard()) },
  { name: 'agent', dashboard: numbered(agentDashboard()) },
];

export const written: readonly DashboardFile[] = [
  ...others,
  { name: 'queue', dashboard: numbered(queueDashboard(others.map(({ dashboard }) => dashboard))) },
];

export function asJson(dashboard: Dashboard): string {
  return `${JSON.stringify(dashboard, null, 2)}\n`;
}

/** Numbers the panels. Otherwise Grafana gives them new numbers, and links to a panel break. */
function numbered(dashboard: Dashboard): Dashboard {
  return { ...dashboard, panels: (dashboard.panels ?? []).map((panel, index) => ({ ...panel, id: index + 1 })) };
}
