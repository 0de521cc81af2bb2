// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, buildah, curl, debootstrap, debhelper, git, lintian, prometheus, prometheus-alertmanager, rpm, rpmlint.
// The product in a bare Debian: the image's steps in a 13; in a 12 the package installed, run by its unit, upgraded, purged.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { capabilityNames } from '../src/kernel/host.ts';
import { rights, unitValues, withRights } from '../test/agent/service-unit.ts';
import { makeBareRoot, startInside, whyNoBareRoot } from '../test/debian/bare-root.ts';
import { type BootedRoot, bootRoot } from '../test/debian/booted-root.ts';
import { startTestReader } from '../test/test-reader/test-reader.ts';
import { imageServes } from './image.ts';
import { rpmServes } from './rpm-root.ts';
import { pack } from './sums.ts';
import { twoUnits } from './two-units.ts';

const project = join(import.meta.dirname, '..');
const URL = 'http://127.0.0.1:10747/metrics';
/** Names that no other test's devices have. */
const DEVICES = `deb${process.pid}-`;
const DEFAULTS = '/etc/default/tapscope';

// A test that is interrupted cleans up as well.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

test('what is shipped, in a bare Debian', { skip: whyNoBareRoot() }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-shipped-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  t.after(remove);
  process.prependOnceListener('exit', remove);
  const root = join(folder, 'bare');
  makeBareRoot(root);
  for (const path of [folder, root]) chmodSync(path, 0o711); // the unit's user is not root
  // Nothing of it needs to survive a crash of this machine.
  writeFileSync(join(root, 'etc/dpkg/dpkg.cfg.d/test'), 'force-unsafe-io\n');
  await t.test('the steps of the Dockerfile build an image that serves', (t) => imageServes(t, folder));
  const packed = pack('deb');
  await inside(root, 'apt-get -q update && apt-get -q install -y --no-install-recommends libbpf1 libmnl0 libseccomp2');
  cpSync(join(project, 'dist/deb'), join(root, 'mnt/deb'), { recursive: true });
  const install = 'dpkg -i /mnt/deb/*.deb';

  await t.test('two packages of one build are the same: deb', () => {
    assert.ok(Object.keys(packed).length > 0);
    assert.deepEqual(pack('deb'), packed);
  });

  await t.test('lintian finds nothing in it, but that the address of its authors is none', () => {
    const deb = readdirSync(join(project, 'dist/deb')).find((file) => file.startsWith('tapscope_')) ?? '';
    const words = [
      '--allow-root',
      '--suppress-tags=bogus-mail-host,bogus-mail-host-in-debian-changelog',
      join(project, 'dist/deb', deb),
    ];
    assert.equal(execFileSync('lintian', words, { encoding: 'utf8' }), '');
  });

  await t.test('without its Node, dpkg names what is missing', async () => {
    const before = listing(root);
    await assert.rejects(
      inside(root, 'dpkg -i /mnt/deb/tapscope_*.deb'),
      /depends on nodejs \(>= [\d.]+\) \| tapscope-node/,
    );
    await inside(root, 'dpkg --purge tapscope');
    assertSame(listing(root), before);
  });

  await t.test('where systemd does not run, scripts say nothing, and purge leaves nothing', async () => {
    const before = listing(root);
    const said = await inside(root, install);
    const known = /^(Selecting|\(Reading|Preparing|Unpacking|Setting up) /;
    assert.deepEqual(
      said.split('\n').filter((line) => line !== '' && !known.test(line)),
      [],
    );
    await inside(root, 'dpkg --purge tapscope tapscope-node');
    assertSame(listing(root), before);
  });

  await t.test('the unit has the rights of the product, and doctor names each that is taken away', async (t) => {
    await inside(root, install);
    assert.deepEqual([...rights, 'CAP_SYSLOG'].sort(), [...capabilityNames].sort());
    assert.deepEqual(unitValues('AmbientCapabilities'), rights);
    assert.deepEqual(unitValues('StandardInput'), ['file:/proc/kallsyms'], 'in place of CAP_SYSLOG');
    assert.deepEqual(await missing(root, rights), []);
    for (const gone of rights) {
      const named = await missing(
        root,
        rights.filter((name) => name !== gone),
      );
      t.diagnostic(named.join('; '));
      assert.ok(
        named.some((line) => line.startsWith(`${gone}: needed to `)),
        `${gone}: ${named.join('; ')}`,
      );
    }
    const named = await missing(root, rights, false);
    assert.deepEqual(
      named.map((line) => line.split(':')[0]),
      ['kernel symbols', 'CAP_SYSLOG'],
      'where systemd does not open /proc/kallsyms',
    );
    await inside(root, 'dpkg --purge tapscope tapscope-node');
  });

  await t.test('bench finds its traffic program, and says in one sentence what the host lacks', async () => {
    await inside(root, install);
    assert.match(await inside(root, 'echo namespace | /usr/lib/tapscope/dist/bench/traffic'), /^\{"ok":true\}\n$/);
    if (!existsSync('/proc/net/pktgen'))
      assert.match(
        await inside(root, 'tapscope bench --only=^tap/threads=1/queues=1/free/tail-drop --repeats=1; [ $? = 1 ]'),
        /^\[1\] not on this host: the generator pktgen is not loaded: modprobe pktgen /m,
      );
    await inside(root, 'dpkg --purge tapscope tapscope-node');
  });

  await t.test('the RPM installs, serves, and leaves nothing', async (t) => {
    await inside(root, 'dpkg -i /mnt/deb/tapscope-node_*.deb');
    const before = listing(root);
    await rpmServes(t, root);
    assertSame(listing(root), before);
    await inside(root, 'dpkg --purge tapscope-node');
  });

  await t.test('under systemd', async (t) => underSystemd(t, root, install));
});

async function underSystemd(t: TestContext, root: string, install: string): Promise<void> {
  await inside(root, 'apt-get -q install -y --no-install-recommends systemd');
  const host = await bootRoot(root);
  t.after(() => host.halt());
  const before = listing(root);
  await host.inside('sh', '-c', install);
  const testReaders = await provoke(t, host);

  await t.test('the package starts the unit, which shows the same series as root', async (t) => {
    assert.equal((await host.inside('systemctl', 'is-enabled', 'tapscope')).trim(), 'enabled');
    // Three of the rights are for hosts that refuse the walk or the iterator, which this one does not. At rest a loss of any other device would wake one of the two.
    for (const more of ['', ' --mechanism devices=rtnetlink --mechanism owners=procfs']) {
      const flags = `--level=exact${more}`;
      writeFileSync(join(root, DEFAULTS), `ARGS="${flags}"\n`);
      await host.inside('systemctl', 'restart', 'tapscope');
      const byUnit = await series(host);
      await host.inside('systemctl', 'stop', 'tapscope');
      const command = ['/usr/bin/tapscope', 'serve', ...flags.split(' ')];
      await host.inside('systemd-run', '--quiet', '--unit=by-root', ...command);
      const byRoot = await series(host);
      await host.inside('systemctl', 'stop', 'by-root');
      t.diagnostic(`${byUnit.length} series with "${flags}"`);
      assertSame(byUnit, byRoot);
      for (const name of ['tapscope_queue_owner_info', 'tapscope_device_transmit_packets_total'])
        assert.equal(byUnit.filter((line) => line.startsWith(`${name}{`)).length, testReaders, name);
    }
  });

  await twoUnits(t, host, root);

  await t.test('an upgrade keeps what the admin changed, and runs the new version', async () => {
    const edited = 'ARGS="--detail=device"\n';
    writeFileSync(join(root, DEFAULTS), edited);
    await host.inside('systemctl', 'restart', 'tapscope');
    await nextVersion(host);
    const after = await series(host);
    assert.equal(readFileSync(join(root, DEFAULTS), 'utf8'), edited);
    assert.ok(
      after.some((line) => /^tapscope_build_info\{.*version="99\.0\.0"/.test(line)),
      'restarted',
    );
    assert.deepEqual(
      after.filter((line) => /,queue="/.test(line)),
      [],
      'ARGS are in force',
    );
    await host.inside('systemctl', 'disable', '--now', 'tapscope');
    await nextVersion(host);
    assert.match(await host.inside('sh', '-c', 'systemctl is-enabled tapscope || true'), /^disabled$/m);
  });

  await t.test('purge leaves nothing', async () => {
    await host.inside('systemctl', 'enable', '--now', 'tapscope');
    await host.inside('dpkg', '--remove', 'tapscope');
    assert.match(await host.inside('sh', '-c', 'systemctl is-active tapscope || true'), /^inactive$/m);
    assert.ok(
      listing(root).some((path) => path.endsWith(DEFAULTS)),
      'removal keeps what the admin wrote',
    );
    await host.inside('dpkg', '--purge', 'tapscope', 'tapscope-node');
    assertSame(listing(root), before);
  });
}

/** Two taps with counted packets, one in a namespace that has no name; returns how many. */
async function provoke(t: TestContext, host: BootedRoot): Promise<number> {
  const target = ['--target', String(host.pid)];
  const wrappers = [
    ['nsenter', ...target, '--net', '--pid'],
    ['nsenter', ...target, '--pid', 'unshare', '--net'],
  ];
  for (const [index, [file = '', ...args]] of wrappers.entries()) {
    const testReader = await startTestReader(file, [...args, join(project, 'dist/test/test-reader')]);
    t.after(() => testReader.quit());
    await testReader.open('a', `${DEVICES}${index}`, 'tap');
  }
  return wrappers.length;
}

/** Names and labels of all series but those of others' devices. */
async function series(host: BootedRoot): Promise<readonly string[]> {
  const script = `fetch('${URL}').then((a) => a.text()).then((t) => process.stdout.write(t))`;
  let page = '';
  for (let i = 0; i < 100 && !page.includes('tapscope_probe_attached'); i++) {
    page = await host.inside('/usr/lib/tapscope-node/node', '-e', script).catch(() => '');
    if (page === '') await wait(100);
  }
  assert.notEqual(page, '', await host.inside('journalctl', '--no-pager', '-u', 'tapscope'));
  return page
    .split('\n')
    .filter((line) => /^tapscope_/.test(line) && (!line.includes('netns="') || line.includes(`device="${DEVICES}`)))
    .map((line) => line.slice(0, line.lastIndexOf(' ')))
    .sort();
}

/** The same package with another version, and installs it. */
async function nextVersion(host: BootedRoot): Promise<void> {
  const script = `set -e; rm -rf /mnt/next; dpkg-deb -R /mnt/deb/tapscope_*.deb /mnt/next
    sed -i 's/^Version: .*/Version: 99.0.0/' /mnt/next/DEBIAN/control
    sed -i 's/"version": ".*"/"version": "99.0.0"/' /mnt/next/usr/lib/tapscope/package.json
    dpkg-deb -Zgzip -z1 -b /mnt/next /mnt/next.deb; dpkg -i /mnt/next.deb; rm -r /mnt/next /mnt/next.deb`;
  await host.inside('sh', '-c', script);
}

/** doctor's list of missing rights, given these. */
async function missing(root: string, names: readonly string[], symbols = true): Promise<readonly string[]> {
  const wrapper = withRights(names, symbols).map((word) => `'${word}'`);
  const said = await inside(root, `${wrapper.join(' ')} tapscope doctor || [ $? -le 3 ]`);
  const list = /^Missing:\n((?: {2}.*\n)+)/m.exec(said)?.[1] ?? '';
  assert.ok(list !== '' || said.includes('No right or kernel feature is missing.'), said);
  return list
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
}

/** Every path of the root, less what Debian's own programs write while they work. */
function listing(root: string): readonly string[] {
  const own =
    /^\/(mnt|proc|sys|dev|run|tmp|var\/(log|cache|tmp)|var\/lib\/(apt|dpkg\/(status|available|lock|triggers)))/;
  return execFileSync('find', [root, '-xdev', '-printf', '/%P\n'], { encoding: 'utf8', maxBuffer: 2 ** 26 })
    .split('\n')
    .filter((path) => !own.test(path))
    .sort();
}

/** Tells only what differs, of some thousand paths. */
function assertSame(after: readonly string[], before: readonly string[]): void {
  assert.deepEqual(
    { gone: before.filter((path) => !after.includes(path)), more: after.filter((path) => !before.includes(path)) },
    { gone: [], more: [] },
  );
}

/** Runs a shell line in the root; throws with what it said if it fails. */
async function inside(root: string, line: string): Promise<string> {
  const child = startInside(root, '/', 0, ['sh', '-c', line]);
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (data) => {
      said += data;
    });
  const status = await new Promise((resolve) => child.once('close', resolve));
  if (status !== 0) throw new Error(`"${line}" failed with ${status}:\n${said}`);
  return said;
}
