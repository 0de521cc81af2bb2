// SPDX-License-Identifier: Apache-2.0
// Code that runs in the process that serves, as a fault of its HTTP parser would let it: NODE_OPTIONS=--require loads it there. At SIGUSR2 it
// tries what an intruder would, and writes what came of each attempt to stderr; then it writes to the other process what is not its own.
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const { Worker } = require('node:worker_threads');

const { INTRUDER_ROOT: root } = process.env;

function attempts() {
  const addon = require(`${root}/dist/addon/tapscope.node`);
  const agent = process.ppid;
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
  answers['enter a namespace'] = await addon.netlinkRequest('/proc/1/ns/net', Buffer.alloc(16)).then(
    () => 'done',
    ({ code }) => code,
  );
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

if (process.argv[1]?.endsWith('/serving.js')) process.on('SIGUSR2', process.env.INTRUDER_FLOOD_MS ? flood : intrude);

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
