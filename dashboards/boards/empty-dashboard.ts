// SPDX-License-Identifier: Apache-2.0
// The common frame of all dashboards: tags, time, links to each other.
import {
  DashboardBuilder,
  DashboardCursorSync,
  type DashboardLink,
  DashboardLinkType,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { ADDRESSES, AGENT_UID, BACKPRESSURE_UID, FLEET_UID, HOST_UID } from './data-links.ts';

interface Words {
  readonly title: string;
  readonly uid: string;
  readonly description: string;
  readonly refresh: string;
  readonly from: string;
}

/** The dashboards that are linked at the top. Rows and lines link to the dashboard of one queue: they know the queue. */
const OVERVIEWS = [
  { uid: FLEET_UID, title: 'Fleet' },
  { uid: HOST_UID, title: 'Host' },
  { uid: BACKPRESSURE_UID, title: 'Backpressure and flow control' },
  { uid: AGENT_UID, title: 'Agent' },
];

export function emptyDashboard({ title, uid, description, refresh, from }: Words): DashboardBuilder {
  const others = OVERVIEWS.filter((overview) => overview.uid !== uid);
  const builder = new DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags(['tapscope'])
    .links(others.map(linkTo))
    .refresh(refresh)
    .time({ from, to: 'now' })
    .timezone('browser')
    // One crosshair on all panels: what happened at that moment elsewhere?
    .tooltip(DashboardCursorSync.Crosshair);
  for (const address of ADDRESSES) builder.withVariable(address);
  return builder;
}

/** Builds the link without the library's builder, which would hide it in a menu. */
function linkTo({ uid, title }: { readonly uid: string; readonly title: string }): { build(): DashboardLink } {
  const look = { icon: '', tooltip: '', tags: [], asDropdown: false, targetBlank: false };
  const link = { title, type: DashboardLinkType.Link, url: `/d/${uid}`, includeVars: true, keepTime: true, ...look };
  return { build: () => link };
}
