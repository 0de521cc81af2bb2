// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// docs/kernels.md has what was found on the kernels that the lab has now, and no figure was wrong without a mark.
import assert from 'node:assert/strict';
import test from 'node:test';
import { readSection } from '../report/report.ts';
import { KERNELS, lockedKernel, SERIES } from '../vm/series.ts';
import { releaseOf } from '../vm/unpack-kernel.ts';
import { differences, isHonest, kernelsSection, type Proof, type Proven, provenOf, readResults } from './proven.ts';

const results = readResults();

test('each kernel of the lab is on the page, in the release that the lab has', () => {
  assert.deepEqual([...results.keys()].sort(), KERNELS.map(({ name }) => name).sort());
  for (const { name, series } of KERNELS)
    assert.equal(results.get(name)?.release, releaseOf(lockedKernel(series).packages), name);
});

test('the page has what was found: npx tsx lab/kernels/prove-kernels.ts', () => {
  assert.equal(readSection('kernels'), kernelsSection(results));
});

test('no figure is wrong without a mark, and none is marked where everything is tested', () => {
  for (const [name, { proofs }] of results)
    for (const proof of proofs) assert.ok(isHonest(proof), `${name}: ${proof.name}`);
  for (const series of SERIES) {
    const { proofs = [] } = results.get(series) ?? {};
    assert.ok(proofs.length > 0, series);
    assert.deepEqual(
      proofs.filter(({ isMarked, ofDeviceOnly }) => isMarked || ofDeviceOnly > 0),
      [],
      series,
    );
  }
});

test('what a VM prints is found among other lines, and the page tells a mark from a difference', () => {
  const proof: Proof = {
    name: 'one',
    packets: 10,
    offered: 1,
    dropped: -2,
    delivered: 0,
    ofDeviceOnly: 0,
    isMarked: true,
  };
  const proven: Proven = {
    release: '6.1.0',
    mechanisms: { transmit: 'fentry', stops: null },
    missing: [],
    proofs: [proof],
  };
  assert.equal(differences(proof), 3);
  assert.deepEqual(provenOf(`before\nkernel-proof ${JSON.stringify(proven)}\nafter`), proven);
  assert.equal(provenOf('nothing'), undefined);
  const text = kernelsSection(new Map([['6.1', proven]]));
  assert.match(text, /\| Linux 6\.1 \| `6\.1\.0` \| Debian 12 \| 10 \| 3 \| marked as degraded \|/);
  assert.match(text, /\| Linux 6\.1 \| fentry \| – \| – \| not measured \|/);
});
