// SPDX-License-Identifier: Apache-2.0
// What a browser shows at `/`.

export function landingPage(version: string): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>tapscope</title></head>
<body>
<h1>tapscope ${escapeHtml(version)}</h1>
<p>Counts exactly what happens to every packet at the queues of tun, tap and vhost-net devices.</p>
<ul>
<li><a href="/metrics">/metrics</a>: the counters, for Prometheus</li>
<li><a href="/-/healthy">/-/healthy</a>: whether the agent is alive</li>
<li><a href="/-/ready">/-/ready</a>: whether it measures</li>
</ul>
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
