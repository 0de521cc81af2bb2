// SPDX-License-Identifier: Apache-2.0
// What all dashboards have in common before their panels: tags, time, links to each other.
import { DashboardBuilder, type DashboardLink, DashboardLinkType } from '@grafana/grafana-foundation-sdk/dashboard';
import { BACKPRESSURE_UID, FLEET_UID, HOST_UID } from './data-links.ts';

interface Words {
  readonly title: string;
  readonly uid: string;
  readonly description: string;
  readonly refresh: string;
  readonly from: string;
}

/** Of many hosts; to the dashboard of one queue lead rows and lines, which know the queue. */
const OVERVIEWS = [
  { uid: FLEET_UID, title: 'Fleet' },
  { uid: HOST_UID, title: 'Host' },
  { uid: BACKPRESSURE_UID, title: 'Backpressure and flow control' },
];

export function emptyDashboard({ title, uid, description, refresh, from }: Words): DashboardBuilder {
  const others = OVERVIEWS.filter((overview) => overview.uid !== uid);
  return new DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags(['tapscope'])
    .links(others.map(linkTo))
    .refresh(refresh)
    .time({ from, to: 'now' })
    .timezone('browser');
}

/** Not by the library's builder: it would hide the link in a menu. */
function linkTo({ uid, title }: { readonly uid: string; readonly title: string }): { build(): DashboardLink } {
  const look = { icon: '', tooltip: '', tags: [], asDropdown: false, targetBlank: false };
  const link = { title, type: DashboardLinkType.Link, url: `/d/${uid}`, includeVars: true, keepTime: true, ...look };
  return { build: () => link };
}
