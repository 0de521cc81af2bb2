// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// The form of a snapshot that came from elsewhere: ours pass, and none in which a figure is no figure, or a name no name.
import assert from 'node:assert/strict';
import { constantFrom, integer, record } from 'fast-check';
import { alteredJson, placesIn } from '../../test/fuzz/damage.ts';
import { holdsForAll } from '../../test/fuzz/property.ts';
import { goldenSnapshot } from '../../test/snapshots/golden-snapshot.ts';
import { snapshotToJson } from './json.ts';
import { checkForm } from './recorded.ts';

const golden = JSON.stringify(snapshotToJson(goldenSnapshot));
checkForm(JSON.parse(golden));

const wrong: Readonly<Record<string, readonly unknown[]>> = {
  number: ['', '4711', '\x1b[2J', null, true],
  string: [0, 4711, null, true, 'x'.repeat(5000)],
  boolean: [0, '', 'true', null],
};

holdsForAll(
  'a figure, a name or a flag that is none is refused',
  record({ place: integer({ min: 0, max: 1e6 }), choice: constantFrom(0, 1, 2, 3, 4) }),
  ({ place, choice }) => {
    const copy: unknown = JSON.parse(golden);
    // The two members of a pair are a map's key and value: either may be a text.
    const places = placesIn(copy).filter(
      ({ parent, key }) => typeof Reflect.get(parent, key) !== 'object' && !isPair(parent),
    );
    const { parent, key } = places[place % places.length] ?? {};
    assert.ok(parent && key);
    const others = wrong[typeof Reflect.get(parent, key)] ?? [];
    Reflect.set(parent, key, others[choice % others.length]);
    assert.throws(() => checkForm(copy), /^Error: It is no snapshot of ours\.$/);
  },
  { runs: 1500 },
);

function isPair(parent: object): boolean {
  return Array.isArray(parent) && parent.length === 2;
}

holdsForAll(
  'after any other change it passes or is refused',
  alteredJson(JSON.parse(golden)),
  (text) => {
    try {
      checkForm(JSON.parse(text));
    } catch (error) {
      assert.match(String(error), /^Error: It is no snapshot of ours\.$/);
    }
  },
  { runs: 1500 },
);
