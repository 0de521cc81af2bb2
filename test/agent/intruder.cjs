// SPDX-License-Identifier: Apache-2.0
// Code that runs in the process that serves, as a fault of its HTTP parser would let it: NODE_OPTIONS=--require loads it there. At SIGUSR2 it
// tries what an intruder would, and writes what came of each attempt to stderr; then it writes to the other process what is not its own.
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const { Worker } = require('node:worker_threads');

const { INTRUDER_ROOT: root } = process.env;

/** The process that counts. Where a service manager starts both, a file says which it is. */
function agentPid() {
  const file = `${root}/dist/test/agent-pid`;
  return fs.existsSync(file) ? Number(fs.readFileSync(file, 'utf8')) : process.ppid;
}

function attempts() {
  const addon = require(`${root}/dist/addon/tapscope.node`);
  const agent = agentPid();
  return {
    'load BPF': () => new addon.BpfObject(`${root}/dist/addon/fixture.bpf.o`).load([]),
    'read a file of another user': () => fs.readFileSync(process.env.INTRUDER_PREY),
    'read who the users are': () => fs.readFileSync('/etc/passwd'),
    'read what another process was started with': () => fs.readFileSync('/proc/1/cmdline'),
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

/** Numbers of x86-64; from 424 on they are those of every architecture. */
const RAW = {
  'type into the terminal': [16, 0, 0x5412, Buffer.from('~')],
  'type into it by where it prints': [16, 1, 0x5412, Buffer.from('~')],
  'type into it by where it complains': [16, 2, 0x5412, Buffer.from('~')],
  'type into it by a number with high bits': [16, 0, 2 ** 32 + 0x5412, Buffer.from('~')],
  'read what is typed': [2, Buffer.from('/dev/tty\0'), 0],
  'paste into the console': [16, 0, 0x541c, Buffer.from([2])],
  'be signalled for another': [72, 3, 8, 'agent'],
  'be signalled for another, the longer way': [72, 3, 15, Buffer.alloc(8)],
  'choose the signal of input': [72, 3, 10, 9],
  'outlive the agent': [157, 1, 0],
  'outlive it by a number with high bits': [157, 2 ** 32 + 1, 0],
  'limit the CPU time of the agent': [302, 'agent', 0, Buffer.alloc(16), 0],
  'limit its own': [302, 0, 0, Buffer.alloc(16), 0],
  'set a limit': [160, 0, Buffer.alloc(16)],
  'open a file in no mode': [2, Buffer.from('/dev/null\0'), 3],
  'open a file in no mode, from a folder': [257, -100, Buffer.from('/dev/null\0'), 3],
  'open a file by the newer call': [437, -100, Buffer.from('/dev/null\0'), Buffer.alloc(24), 24],
  'connect two virtual machines': [53, 40, 1, 0, Buffer.alloc(8)],
  'talk to virtual machines': [41, 40, 1, 0],
  'make a socket': [41, 2, 1, 0],
  'make a socket that asks names': [41, 10, 2, 0],
  'make a socket by a number with high bits': [41, 2 ** 32 + 2, 1, 0],
  'reach another program of this host': [41, 1, 1, 0],
  'ask the kernel for interfaces': [41, 16, 3, 0],
  'connect what it has': [42, 3, Buffer.alloc(16), 16],
  'take a port': [49, 3, Buffer.alloc(16), 16],
  'connect by sending': [44, 3, Buffer.from('x'), 1, 0x20000000, Buffer.alloc(16), 16],
  'put a filter on a socket': [54, 3, 1, 26, Buffer.alloc(16), 16],
  'put another protocol on a socket': [54, 3, 6, 31, Buffer.from('tls\0'), 4],
  'slow the agent down': [144, 'agent', 5, Buffer.alloc(4)],
  'keep the agent from CPUs': [203, 'agent', 8, Buffer.alloc(8)],
  'be nice for it': [141, 0, 'agent', 19],
  'read its limits': [302, 'agent', 7, 0, Buffer.alloc(16)],
  'be debugged by another': [157, 0x59616d61, -1],
  'load a filter': [317, 1, 0, Buffer.alloc(16)],
  'create a file': [85, Buffer.from('/tmp/intruder\0'), 0o644],
  sniff: [41, 17, 3, 0],
  'use ciphers of the kernel': [41, 38, 5, 0],
  'listen to the audit': [41, 16, 3, 9],
  'debug the agent': [101, 16, 'agent', 0, 0],
  'read its memory': [310, 'agent', Buffer.alloc(16), 1, Buffer.alloc(16), 1, 0],
  'write its memory': [311, 'agent', Buffer.alloc(16), 1, Buffer.alloc(16), 1, 0],
  'compare with it': [312, 'agent', 'agent', 0, 0, 0],
  'hold it': [434, 'agent', 0],
  'take a descriptor of it': [438, 3, 0, 0],
  'signal it through a descriptor': [424, 3, 9, 0, 0],
  'signal a thread of it': [234, 'agent', 'agent', 9],
  'signal it with a value': [129, 'agent', 9, Buffer.alloc(128)],
  'start a child': [435, Buffer.alloc(88), 88],
  fork: [57],
  'leave the namespaces': [272, 0x10000000],
  'enter another': [308, 3, 0x40000000],
  mount: [165, Buffer.from('a\0'), Buffer.from('/mnt\0'), Buffer.from('tmpfs\0'), 0, 0],
  'open a file system': [430, Buffer.from('tmpfs\0'), 0],
  'open a tree': [428, -100, Buffer.from('/\0'), 0],
  'list mounts': [458, Buffer.alloc(64), Buffer.alloc(64), 8, 0],
  'look at a mount': [457, Buffer.alloc(64), Buffer.alloc(512), 512, 0],
  'watch files': [294, 0],
  'watch all files': [300, 0, 0],
  'set an attribute': [188, Buffer.from('/tmp\0'), Buffer.from('user.a\0'), Buffer.from('b'), 1, 0],
  'set an attribute by the newer call': [
    463,
    -100,
    Buffer.from('/tmp\0'),
    0,
    Buffer.from('user.a\0'),
    Buffer.alloc(16),
    16,
  ],
  'read an attribute': [191, Buffer.from('/tmp\0'), Buffer.from('user.a\0'), Buffer.alloc(8), 8],
  'read an attribute by the newer call': [
    464,
    -100,
    Buffer.from('/tmp\0'),
    0,
    Buffer.from('user.a\0'),
    Buffer.alloc(16),
    16,
  ],
  'open a tree by the newest call': [467, -100, Buffer.from('/\0'), 0, Buffer.alloc(32), 32],
  'call what this kernel has last': [470],
  'call what no kernel has yet': [600],
  'handle faults of memory': [323, 0],
  'make a ring': [425, 8, Buffer.alloc(120)],
  'add a key': [248, Buffer.from('user\0'), Buffer.from('a\0'), Buffer.from('b'), 1, -3],
  'read keys': [250, 0, -3, 0],
  'measure others': [298, Buffer.alloc(128), 'agent', -1, -1, 0],
  'call BPF': [321, 0, Buffer.alloc(128), 128],
  'become another personality': [135, 0x0040000],
  'name the host': [170, Buffer.from('a'), 1],
};

/** The names of what may come of such a call. */
function rawAnswers() {
  if (process.arch !== 'x64') return {};
  const { call } = require(`${root}/dist/test/raw-syscall.node`);
  const { errno } = require('node:os').constants;
  const agent = agentPid();
  const names = new Map(
    Object.entries({ ...errno, ENOSYS: 38, EAFNOSUPPORT: 97 }).map(([name, number]) => [number, name]),
  );
  return Object.fromEntries(
    Object.entries(RAW).map(([name, words]) => {
      const result = call(...words.map((word) => (word === 'agent' ? agent : word)));
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
  return new Promise((resolve) => new Worker(code, { eval: true }).once('message', resolve));
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
  const addon = require(`${root}/dist/addon/tapscope.node`);
  answers['enter a namespace'] = await addon
    .netlinkRequest('/proc/1/ns/net', Buffer.from([16, ...Array(15).fill(0)]))
    .then(
      () => 'done',
      ({ code }) => code,
    );
  Object.assign(answers, rawAnswers());
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

/** To each of these ports of this host: 'done', or why not. */
async function connectTo(ports) {
  const tries = ports.map(
    (port) =>
      new Promise((resolve) => {
        const socket = net.connect(port, '127.0.0.1');
        socket.once('connect', () => resolve([port, 'done'])).once('error', ({ code }) => resolve([port, code]));
        socket.once('connect', () => socket.destroy());
      }),
  );
  console.error(`ports: ${JSON.stringify(Object.fromEntries(await Promise.all(tries)))}`);
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
