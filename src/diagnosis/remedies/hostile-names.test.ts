// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Commands with hostile names that no window of the tables (judged-hosts.ts, fixtures.test.ts) prints, pasted into a shell.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertSameWords, HOSTILE, plainName } from '../../../test/snapshots/pasted-safely.ts';
import { quietHost } from '../../../test/snapshots/quiet-host.ts';
import { bytesOfName, nameOfLatin1 } from '../../foreign-name.ts';
import type { Monitor, Owner } from '../../snapshot/owner.ts';
import type { DropRow } from '../reasons/drop-row.ts';
import { remediesOf } from '../reasons/explain.ts';
import { REASON_ROWS } from '../reasons/reason-table.ts';
import { UNNAMED_ROWS } from '../reasons/unnamed-rows.ts';
import { diagnoseIt, inNamespace } from './command.ts';
import { resumeGuest } from './resume-guest.ts';

const ROWS: readonly DropRow[] = [...Object.values(REASON_ROWS), ...UNNAMED_ROWS.values()].flat();

/** Commands of each reason, on a device and in a namespace of these names, bytes as characters. */
function ofReasons(naming: (place: number) => string): readonly string[] {
  const [device, space] = [nameOfLatin1(naming(0)), nameOfLatin1(naming(1))];
  const agent = { netns: 7, namespacePaths: new Map([[1, `/run/netns/${space}`]]) };
  const window = quietHost([{ more: () => ({ name: device }) }], agent);
  const [span] = window.devices;
  assert.ok(span);
  return ROWS.flatMap((row) =>
    remediesOf(row, span, window).flatMap(({ command, by }) => (by === 'host' && command) || []),
  );
}

for (const hostile of HOSTILE)
  test(`each reason’s commands, and what the first line says to type: ${JSON.stringify(hostile)}`, () => {
    const bytesOf = (place: number): string => `${hostile}${place}`;
    assert.ok(ofReasons(plainName).length > 100);
    assertSameWords(ofReasons(plainName), ofReasons(bytesOf), bytesOf);
    const [device, space] = [0, 1].map((place) => nameOfLatin1(bytesOf(place)));
    assert.ok(device !== undefined && space !== undefined);
    assertSameWords(
      [
        'tapscope diagnose N0N',
        hostile.startsWith('-') ? 'tapscope diagnose --netns N1N N0N' : 'tapscope diagnose N0N --netns N1N',
      ],
      [diagnoseIt(device, undefined), diagnoseIt(device, space)],
      bytesOf,
    );
  });

test('a line break at the end of a namespace’s name is lost in a shell, so it is entered by its number', () => {
  const namespacePaths = new Map([[5, '/run/netns/blue\\x0a']]);
  const agent = { ...quietHost([{}]).agent, netns: 1, namespacePaths };
  assert.equal(inNamespace(5, { agent }, 'ip link'), 'nsenter -t "$(lsns -no PID 5 | head -n1)" -n ip link');
});

/** What is said of a paused VM with this monitor and name. */
function resumes(monitor: Monitor | undefined, vm: string, uuid = ''): string | undefined {
  const identity = { program: 'qemu', vm, uuid, runtime: monitor ? '' : 'libvirt', container: '', pod: '', unit: '' };
  const owner: Owner = { pid: 7, comm: 'qemu', startedAt: undefined, identity, ...(monitor && { monitor }) };
  const [queue] = quietHost([{ queues: [{ more: () => ({ owner }) }] }]).devices[0]?.queues ?? [];
  assert.ok(queue);
  return resumeGuest(queue)[0]?.command;
}

test('the path of a monitor is no address of socat with a program in it', () => {
  const monitor = (path: string): Monitor => ({ protocol: 'hmp', path });
  assert.match(resumes(monitor('/run/vm.sock'), 'a') ?? '', /UNIX-CONNECT:\/run\/vm\.sock$/);
  for (const path of ['/a!!EXEC:reboot', '/a,exec=b', '/a:b', "/a'b", '/a\\xff', '/a"b', '/a\\\\b'])
    assert.equal(resumes(monitor(path), 'a'), undefined, path);
});

test('a VM whose name virsh would read otherwise is named by its UUID', () => {
  assert.equal(resumes(undefined, 'web1', 'u'), 'virsh resume web1');
  for (const vm of ['-x', '7', 'web1\\x0a', `${'w'.repeat(119)}…12345678`]) {
    assert.equal(resumes(undefined, vm, 'u'), 'virsh resume u');
    assert.doesNotMatch(resumes(undefined, vm) ?? '', /virsh/);
  }
  assert.equal(resumes(undefined, 'web\\xff'), `virsh resume "$(printf '${octal('web\\xff')}')"`);
});

function octal(name: string): string {
  return [...bytesOfName(name)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
}
