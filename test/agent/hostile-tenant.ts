// SPDX-License-Identifier: Apache-2.0
// A user of the host, uid 65534, that tries for a while to stop, blind or misquote the agent, and reports what it got.
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { parseJson } from '../host/checked-json.ts';

const TENANT = 65_534;

/** Plain JavaScript in one text: this user may not be able to read the tree. argv: port, milliseconds, socket, lock. */
const SCRIPT = String.raw`
  const fs = require('node:fs'), net = require('node:net'), http = require('node:http');
  const { execFile } = require('node:child_process');
  const [port, ms, unixSocket, lock] = [Number(process.argv[1]), Number(process.argv[2]), process.argv[3], process.argv[4]];
  const tun = process.argv[5], agents = process.argv.slice(6).map(Number);
  process.title = 'evil\x1b[2J\u202e';
  const end = Date.now() + ms;
  const wait = (time) => new Promise((resolve) => setTimeout(resolve, time));
  const got = { statuses: {}, cut: 0, late: 0, letIn: [], devices: 0, deviceError: '', attempts: 0, taken: 0 };
  const until = async (work) => { while (Date.now() < end) await work(); };
  const paths = ['/metrics', '/', '/api/v1/snapshot', '/api/v1/findings', '/api/v1/findings?at=1', '/api/v1/queues', '/api/v1/window',
    '/api/v1/live', '/%1b[2J', '/' + 'x'.repeat(9000), '/api/v1/findings?at=' + '9'.repeat(400), '/page.js'];
  let turn = 0;
  const ask = () => new Promise((resolve) => {
    const path = paths[turn++ % paths.length], began = Date.now();
    const headers = turn % 5 === 0 ? { host: 'evil.example' } : turn % 7 === 0 ? { origin: 'http://evil.example' } : {};
    const request = http.get({ host: '127.0.0.1', port, path, headers, agent: false, localAddress: '127.0.7.' + (1 + turn % 3) }, (answer) => {
      got.statuses[answer.statusCode] = (got.statuses[answer.statusCode] ?? 0) + 1;
      if (Object.keys(headers).length > 0 && answer.statusCode === 200) got.letIn.push(path);
      if (path === '/api/v1/live') setTimeout(() => request.destroy(), 500);
      answer.resume().once('close', resolve);
    });
    request.once('error', () => { got.cut += 1; resolve(); });
    request.once('close', () => { if (Date.now() - began > 31_000) got.late += 1; });
  });
  const hold = (words, drip) => {
    const socket = net.connect({ port, host: '127.0.0.1', localAddress: '127.0.8.' + (1 + turn++ % 4) });
    socket.on('error', () => {}).pause().write(words);
    if (drip) { const timer = setInterval(() => socket.write('x'), 1000); socket.once('close', () => clearInterval(timer)); }
    return socket;
  };
  const attempt = (name, work) => { got.attempts += 1; try { work(); got.letIn.push(name); } catch {} };
  const files = () => {
    for (const path of [unixSocket, lock]) {
      attempt('open ' + path, () => fs.openSync(path, 'r'));
      attempt('remove ' + path, () => fs.unlinkSync(path));
    }
    attempt('a file beside ' + lock, () => fs.writeFileSync(lock + '.mine', ''));
    for (const pid of agents) {
      for (const signal of ['SIGSTOP', 'SIGKILL', 'SIGUSR1']) attempt(signal, () => process.kill(pid, signal));
      for (const what of ['mem', 'maps', 'environ', 'fd/0', 'root/etc/hostname']) attempt('/proc/.../' + what, () => fs.openSync('/proc/' + pid + '/' + what, 'r'));
    }
    got.attempts += 1;
    return new Promise((resolve) => net.connect(unixSocket).once('connect', () => { got.letIn.push('socket'); resolve(); }).once('error', resolve));
  };
  const listen = (where, isOurs) => new Promise((resolve) => {
    got.attempts += 1;
    const server = net.createServer((socket) => { got.taken += 1; socket.destroy(); });
    server.once('error', resolve);
    server.listen(where, () => { if (!isOurs) got.letIn.push('listen'); server.close(resolve); });
  });
  const ports = async () => {
    await listen({ port, host: '127.0.0.1' });
    await listen({ port, host: '0.0.0.0' });
    // The lock's former name is of no use any more: anyone may have it.
    await listen({ path: '\0tapscope-agent' }, true);
  };
  const devices = () => new Promise((resolve) => {
    const names = ['a\x1b[2J', 'b\u202e', '"}1', 'c\\x1b[2J'];
    const lines = names.map((name) => 'ip tuntap add dev "$' + (names.indexOf(name) + 1) + '" mode tap').join(' && ');
    const many = Array.from({ length: 40 }, (_, index) => 'tuntap add dev many' + index + ' mode tap multi_queue').join('\n');
    const flood = 'ip addr add 10.9.9.1/24 dev many0; ip link set many0 up; ip neigh replace 10.9.9.2 lladdr 02:00:00:00:00:01 dev many0 nud permanent; '
      + 'for i in $(seq 500); do echo x > /dev/udp/10.9.9.2/9; done';
    const script = 'mount --bind "$6" /dev/net/tun && ' + lines + ' && echo "$5" | ip -batch - && { ' + flood + '; sleep 1; }';
    execFile('unshare', ['--user', '--map-root-user', '--net', '--mount', 'bash', '--norc', '-c', script, 'bash', ...names, many, tun], (error, _, said) => {
      if (error) got.deviceError = String(said).slice(0, 200); else got.devices += names.length + 40;
      resolve();
    });
  });
  const held = Array.from({ length: 1000 }, () => hold(''));
  for (let i = 0; i < 50; i++) held.push(hold('GET / HTTP/1.1\r\nHost: localhost\r\nX-A: ', true));
  for (let i = 0; i < 20; i++) held.push(hold('GET /metrics HTTP/1.1\r\nHost: localhost\r\nX-Prometheus-Scrape-Timeout-Seconds: 120\r\n\r\n'));
  Promise.all([
    ...Array.from({ length: 6 }, () => until(async () => { await ask(); await wait(10); })),
    until(async () => { hold(Buffer.from([22, 3, 1, 0, 27, 91, 50, 74])); await wait(50); }),
    until(async () => { await files(); await ports(); await wait(500); }),
    until(async () => { await devices(); await wait(1000); }),
  ]).then(() => { console.log(JSON.stringify(got)); process.exit(0); });
`;

/** What it got, as JSON. */
export async function hostileTenant(
  t: { after(undo: () => unknown): void },
  {
    port,
    ms,
    socket,
    lock,
    agents,
  }: {
    readonly port: number;
    readonly ms: number;
    readonly socket: string;
    readonly lock: string;
    /** The processes of the agent. */
    readonly agents: readonly number[];
  },
): Promise<unknown> {
  const tun = openTun(t);
  const args = ['-e', SCRIPT, '--', String(port), String(ms), socket, lock, tun, ...agents.map(String)];
  const child = spawn(process.execPath, args, {
    uid: TENANT,
    gid: TENANT,
    cwd: '/',
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH },
  });
  t.after(() => child.kill('SIGKILL'));
  return parseJson(await text(child.stdout));
}

/** /dev/net/tun as udev makes it: every user may open it. Without udev only root may. */
function openTun(t: { after(undo: () => unknown): void }): string {
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-tun-'));
  t.after(() => rmSync(folder, { recursive: true }));
  chmodSync(folder, 0o755);
  const node = join(folder, 'tun');
  execFileSync('mknod', ['-m', '666', node, 'c', '10', '200']);
  return node;
}
