// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// The agent as built beside a user of the host who wants it stopped, blind or misquoted.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { chmodSync, statSync } from 'node:fs';
import test, { type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { startAgent, tapscope } from '../../test/agent/serve-process.ts';
import { textAt } from '../../test/host/checked-json.ts';
import { noLab } from '../../test/host/netns.ts';
import { until } from '../../test/host/until.ts';
import { AGENT_LOCK } from '../kernel/agent-lock.ts';

const TENANT = 65_534;
const FOLDER = '/run/tapscope';
const SOCKET = `${FOLDER}/agent.sock`;

/** Attempts of a tenant, each with the error that it gets. */
const ATTEMPTS = `
  const fs = require('node:fs'), net = require('node:net');
  const tried = {};
  const attempt = (name, work) => { try { work(); tried[name] = 'done'; } catch (error) { tried[name] = error.code; } };
  attempt('look into the folder', () => fs.readdirSync('${FOLDER}'));
  attempt('open the lock', () => fs.openSync('${AGENT_LOCK}', 'r'));
  attempt('write the lock', () => fs.openSync('${AGENT_LOCK}', 'a'));
  attempt('remove the lock', () => fs.unlinkSync('${AGENT_LOCK}'));
  attempt('replace the lock', () => fs.renameSync('/dev/null', '${AGENT_LOCK}'));
  attempt('remove the socket', () => fs.unlinkSync('${SOCKET}'));
  attempt('put a file beside', () => fs.writeFileSync('${FOLDER}/other', ''));
  attempt('move the folder', () => fs.renameSync('${FOLDER}', '/run/elsewhere'));
  attempt('open the folder', () => fs.chmodSync('${FOLDER}', 0o777));
  const done = () => console.log(JSON.stringify(tried));
  const connected = (code) => { tried['ask the agent'] = code; done(); };
  // The name of the former lock is free, and has no effect.
  net.createServer(() => {}).listen('\\0tapscope-agent', () => {
    net.connect('${SOCKET}').once('connect', () => connected('done')).once('error', ({ code }) => connected(code));
  });
`;

/** A process of the tenant that tried everything, and goes on holding the name that was the lock. */
async function tenant(t: TestContext): Promise<unknown> {
  const child = spawn(process.execPath, ['-e', ATTEMPTS], { uid: TENANT, gid: TENANT, cwd: '/' });
  t.after(() => child.kill('SIGKILL'));
  return JSON.parse(String(await new Promise((resolve) => child.stdout.once('data', resolve))));
}

test('a tenant can neither take, remove nor replace lock and socket, and an old name of the lock stops no agent', {
  skip: noLab,
}, async (t) => {
  const agent = await startAgent(t, [`--socket=${SOCKET}`]);
  assert.deepEqual(await tenant(t), {
    'look into the folder': 'EACCES',
    'open the lock': 'EACCES',
    'write the lock': 'EACCES',
    'remove the lock': 'EACCES',
    'replace the lock': 'EACCES',
    'remove the socket': 'EACCES',
    'put a file beside': 'EACCES',
    'move the folder': 'EACCES',
    'open the folder': 'EPERM',
    'ask the agent': 'EACCES',
  });
  assert.match((await tapscope(['doctor'])).stdout, new RegExp(`An agent runs, pid ${agent.pid}, `));
  const wrapper = ['setpriv', `--reuid=${TENANT}`, '--clear-groups'];
  const asked = await tapscope(['diagnose', '--at=5s ago'], { wrapper });
  const refused = `tapscope: Only root and the group of its --socket-group may ask the agent on ${SOCKET}: use sudo.\n`;
  assert.deepEqual([asked.code, asked.stderr], [3, refused]);

  await agent.stop('SIGKILL');
  assert.ok(statSync(SOCKET).isSocket(), 'a killed agent leaves its socket');
  const next = await startAgent(t, [`--socket=${SOCKET}`]);
  assert.match((await tapscope(['doctor'])).stdout, new RegExp(`An agent runs, pid ${next.pid}, `));
});

const GROUP = 4711;

/** The agent's answer to a command of this user, with this group or none; the verdict does not matter. */
async function ask(groups: string): Promise<string> {
  const wrapper = ['setpriv', `--reuid=${TENANT}`, `--regid=${TENANT}`, groups];
  const { code, stdout, stderr } = await tapscope(['diagnose', '--at=1s ago', '--json'], { wrapper });
  return code === 3 ? stderr : `schema ${JSON.parse(stdout).schema}`;
}

test('members of --socket-group may ask, others are refused by the path and by the kernel’s word on the connection', {
  skip: noLab,
}, async (t) => {
  const agent = await startAgent(t, [`--socket=${SOCKET}`, `--socket-group=${GROUP}`]);
  await until(async () => (await ask(`--groups=${GROUP}`)) === 'schema 1');
  assert.equal(await ask(`--groups=${GROUP}`), 'schema 1', 'a member');
  assert.match(await ask('--clear-groups'), /Only root and the group of its --socket-group may ask/);
  // A member may pass the folder, and can neither list nor change it.
  const { mode, gid } = statSync(FOLDER);
  assert.deepEqual([mode & 0o777, gid], [0o710, GROUP]);

  // The modes let every user in here, and the kernel still says who asks.
  chmodSync(FOLDER, 0o711);
  chmodSync(SOCKET, 0o666);
  const sentence = `This socket answers root and members of the group ${GROUP} only, and user ${TENANT} asked: use sudo.`;
  assert.equal(await ask('--clear-groups'), `tapscope: ${sentence}\n`);
  assert.equal(await ask(`--groups=${GROUP}`), 'schema 1');
  assert.match((await tapscope(['doctor'])).stdout, new RegExp(`An agent runs, pid ${agent.pid}, `), 'root');
  await agent.stop();
});

test('of an agent that listens elsewhere doctor knows the process', { skip: noLab }, async (t) => {
  const agent = await startAgent(t);
  const said = `An agent \\(pid ${agent.pid}\\) runs and does not answer on ${SOCKET}\\.`;
  assert.match((await tapscope(['doctor'])).stdout, new RegExp(said));
  assert.equal(
    textAt(JSON.parse((await tapscope(['doctor', '--json'])).stdout), 'agentSilence').includes('does not'),
    true,
  );
});

test('a folder that is not ours stops the start with one sentence', { skip: noLab }, async () => {
  await promisify(execFile)('mkdir', ['-p', FOLDER]);
  for (const [prepare, words] of [
    [`mount -t tmpfs none ${FOLDER}; chown ${TENANT} ${FOLDER}`, /\/run\/tapscope belongs to user 65534, /],
    [`mount -t tmpfs none /run; ln -s /tmp ${FOLDER}`, /\/run\/tapscope is a symbolic link, /],
  ] as const) {
    const wrapper = ['unshare', '--mount', 'sh', '-c', `${prepare}; exec "$@"`, 'sh'];
    const { code, stderr } = await tapscope(['serve', '--web.listen-address=127.0.0.1:0'], { wrapper });
    assert.equal(code, 1);
    assert.match(stderr, /^tapscope: [^\n]+\.\n$/);
    assert.match(stderr, words);
  }
});
