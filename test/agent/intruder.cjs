// SPDX-License-Identifier: Apache-2.0
// Code that runs in the process that serves, as a fault of its HTTP parser would let it: NODE_OPTIONS=--require loads it there. At SIGUSR2 it
// tries what an intruder would, and writes what came of each attempt to stderr; then it writes to the other process what is not its own.
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const { Worker } = require('node:worker_threads');
const { RAW } = require('./intruder-calls.cjs');

const { INTRUDER_ROOT: root } = process.env;

/** The process that counts. Where a service manager starts both, a file says which it is. */
function agentPid() {
  const file = `${root}/dist/test/agent-pid`;
  return fs.existsSync(file) ? Number(fs.readFileSync(file, 'utf8')) : process.ppid;
}

/** Open files and pipes have memory of the kernel. */
function takeDescriptors(count) {
  const taken = [];
  try {
    while (taken.length < count) taken.push(fs.openSync('/dev/null'));
  } finally {
    for (const fd of taken) fs.closeSync(fd);
  }
}

/** BPF maps and programs, perf events, the lock, the kernel's symbols: what the agent has open. */
function useInherited() {
  const open = fs.readdirSync('/proc/self/fd').map((fd) => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return ''; // the folder itself, which is closed by now
    }
  });
  if (!open.some((name) => /bpf|perf|btf|kallsyms|\/lock|namespace|net:/.test(name)))
    throw Object.assign(new Error(open.join()), { code: 'NONE' });
}

function attempts() {
  const addon = require(`${root}/dist/addon/tapscope.node`);
  const agent = agentPid();
  return {
    'load BPF': () => new addon.BpfObject(`${root}/dist/addon/fixture.bpf.o`).load([]),
    'read a file of another user': () => fs.readFileSync(process.env.INTRUDER_PREY),
    'read who the users are': () => fs.readFileSync('/etc/passwd'),
    'read what another process was started with': () => fs.readFileSync('/proc/1/cmdline'),
    'read who the users are by another way': () => fs.readFileSync('/proc/self/root/etc/passwd'),
    'look for private keys': () => fs.readdirSync('/etc/ssl'),
    'take ten thousand descriptors': () => takeDescriptors(10_000),
    'use a descriptor of what counts': useInherited,
    'look around': () => fs.readdirSync('/'),
    'look into a folder of all': () => fs.readdirSync('/tmp'),
    'read a file of root': () => fs.readFileSync('/etc/shadow'),
    'read the memory of the agent': () => fs.openSync(`/proc/${agent}/mem`),
    'read what the agent holds': () => fs.readdirSync(`/proc/${agent}/fd`),
    'write a file': () => fs.writeFileSync('/tmp/intruder', ''),
    'remove the lock': () => fs.unlinkSync('/run/tapscope/lock'),
    'start a program': () => {
      const { error } = spawnSync('/bin/true');
      if (error) throw error;
    },
    'signal the agent': () => process.kill(agent, 'SIGKILL'),
    'become root': () => process.setuid(0),
    'confine another': () => addon.confine({ uid: 0, gid: 0 }),
  };
}

/** The names of what may come of such a call. */
function rawAnswers() {
  if (process.arch !== 'x64') return {};
  const { call } = require(`${root}/dist/test/raw-syscall.node`);
  const { errno } = require('node:os').constants;
  const agent = agentPid();
  const meant = { agent, 'its group': -agent };
  const names = new Map(
    Object.entries({ ...errno, ENOSYS: 38, EAFNOSUPPORT: 97 }).map(([name, number]) => [number, name]),
  );
  // For these the kernel ends a process of a unit at once (SystemCallArchitectures=native).
  const tried = Object.entries(RAW).filter(([name]) => !process.env.TAPSCOPE_SERVED_BY_UNIT || !/x32/.test(name));
  return Object.fromEntries(
    tried.map(([name, words]) => {
      const result = call(...words.map((word) => meant[word] ?? word));
      return [name, result === 0 ? 'done' : (names.get(result) ?? String(result))];
    }),
  );
}

/** In another thread than the one that gave its rights up. */
function fromThread() {
  const code = `
    const { parentPort } = require('node:worker_threads');
    try {
      require('node:fs').writeFileSync('/tmp/intruder', '');
      parentPort.postMessage('done');
    } catch ({ code }) {
      parentPort.postMessage(code);
    }`;
  return new Promise((resolve) => {
    const refused = (error) => resolve(/EPERM/.exec(error.message)?.[0] ?? error.message);
    try {
      new Worker(code, { eval: true }).once('message', resolve).once('error', refused);
    } catch (error) {
      refused(error);
    }
  });
}

/** By the addon, which needs a thread for it. */
async function enterNamespace() {
  const addon = require(`${root}/dist/addon/tapscope.node`);
  await addon.netlinkRequest('/proc/1/ns/net', Buffer.from([16, ...Array(15).fill(0)]));
}

async function intrude() {
  const answers = {};
  for (const [name, attempt] of Object.entries(attempts())) {
    try {
      attempt();
      answers[name] = 'done';
    } catch (error) {
      answers[name] = error.code ?? String(error);
    }
  }
  answers['write a file from a thread'] = await fromThread();
  answers['enter a namespace'] = await enterNamespace().then(
    () => 'done',
    ({ code, message }) => code ?? (/Operation not permitted/.test(message) ? 'EPERM' : message),
  );
  Object.assign(answers, rawAnswers());
  // A line that systemd takes for an emergency, where it looks for numbers before lines.
  console.error('<0>intruder: the host goes down');
  console.error(`intruder: ${JSON.stringify(answers)}`);
  fs.writeSync(3, 'rm -rf /\n');
}

/** Only bytes that the other process knows, as many as it takes: snapshots and signs of life. Nothing of what comes back is read. */
function flood() {
  const until = performance.now() + Number(process.env.INTRUDER_FLOOD_MS);
  const bytes = 'sp'.repeat(2048);
  while (performance.now() < until) {
    try {
      fs.writeSync(3, bytes);
    } catch ({ code }) {
      if (code !== 'EAGAIN') throw new Error(code);
    }
  }
}

/** To each of these ports of this host, and a file of all users: 'done', or why not. */
async function connectTo(ports) {
  const tries = ports.map(
    (port) =>
      new Promise((resolve) => {
        const socket = net.connect(port, '127.0.0.1');
        socket.once('connect', () => resolve([port, 'done'])).once('error', ({ code }) => resolve([port, code]));
        socket.once('connect', () => socket.destroy());
      }),
  );
  const passwd = await fs.promises.readFile('/etc/passwd').then(
    () => 'done',
    ({ code }) => code,
  );
  console.error(`ports: ${JSON.stringify({ ...Object.fromEntries(await Promise.all(tries)), passwd })}`);
}

/** What is tried at SIGUSR2. */
function chosen() {
  const { INTRUDER_FLOOD_MS, INTRUDER_PORTS } = process.env;
  if (INTRUDER_PORTS) return () => connectTo(INTRUDER_PORTS.split(',').map(Number));
  return INTRUDER_FLOOD_MS ? flood : intrude;
}

if (process.argv[1]?.endsWith('/serving.js')) process.on('SIGUSR2', chosen());

/** In the process that counts: what no part of it needs. */
function intrudeFirst() {
  const tries = {
    rename: () => fs.renameSync('/etc/passwd', '/etc/other'),
    link: () => fs.linkSync('/etc/passwd', '/run/tapscope/passwd'),
    symlink: () => fs.symlinkSync('/etc/passwd', '/run/tapscope/passwd'),
  };
  const answers = Object.entries(tries).map(([name, attempt]) => {
    try {
      attempt();
      return `${name} done`;
    } catch ({ code }) {
      return `${name} ${code}`;
    }
  });
  console.error(`first: ${answers.join(', ')}`);
}

if (process.argv[1]?.endsWith('/main.js')) process.on('SIGUSR2', intrudeFirst);
