// SPDX-License-Identifier: Apache-2.0
// What can happen to a tap, and how often.
import { type Done, type Form, GONE, type Place, type Tap, take } from './taps.ts';

/** Tells where each tap is. */
interface Places {
  placeOf(tap: Tap): Place;
}

export const FORMS: readonly [Form, ...Form[]] = [
  { queues: 4, persistent: true, header: false, settled: false },
  { queues: 4, persistent: true, header: true, settled: true },
  { queues: 2, persistent: true, header: true, settled: false },
  { queues: 1, persistent: true, header: false, settled: false },
  { queues: 3, persistent: false, header: false, settled: false },
  { queues: 1, persistent: true, header: true, settled: true },
];

type Step = (places: Places, tap: Tap) => Promise<Done>;

const SETTLED_STEPS: readonly Step[] = [
  ...repeat(send, 8),
  ...repeat(read, 4),
  ...repeat(readAll, 2),
  ...repeat(resize, 2),
  readBadly,
  downOrUp,
];
const STEPS: readonly Step[] = [
  ...repeat(send, 16),
  ...repeat(read, 6),
  ...repeat(readAll, 4),
  ...repeat(resize, 3),
  readBadly,
  downOrUp,
  ...repeat(open, 5),
  ...repeat(close, 4),
  ...repeat(detach, 2),
  ...repeat(attach, 2),
];
/** One step in so many takes the tap to the other namespace. */
const MOVES_OF = 200;

export async function nextStep(places: Places, tap: Tap): Promise<Done> {
  const { model, form, random } = tap;
  if (!tap.up) return raise(places, tap);
  if (form.settled && model.attached.length < form.queues) return open(places, tap);
  if (random.below(MOVES_OF) === 0) return move(places, tap);
  const step = random.pick(form.settled ? SETTLED_STEPS : STEPS) ?? send;
  return step(places, tap);
}

const NOTHING: Done = { told: '-' };

async function raise(places: Places, tap: Tap): Promise<Done> {
  const place = places.placeOf(tap);
  const known = tap.model.attached.length + tap.model.detached.length > 0 || tap.length > 0;
  if (!known) {
    await openAt(place, tap, 'a');
    await place.testReader.steer('a'.concat(tap.name), true);
    tap.length = 1 + tap.random.below(60);
    await place.testReader.length(tap.name, tap.length);
  }
  await place.testReader.link(tap.name, 'up');
  if (tap.model.attached.length > 0) await place.testReader.running(tap.name);
  tap.up = true;
  return { told: known ? 'up' : `came with txqueuelen ${tap.length}` };
}

async function send(places: Places, tap: Tap): Promise<Done> {
  const { name, model, random } = tap;
  const queue = random.below(4);
  const { tried } = await places.placeOf(tap).testReader.frames(name, 1 + random.below(40), queue);
  const queues = model.attached.length;
  return { told: `sent ${tried} to ${queues === 0 ? 'no queue' : queue % queues}`, sent: { queue, tried } };
}

async function read(_places: Places, tap: Tap): Promise<Done> {
  const id = tap.random.pick(tap.model.attached);
  if (!id) return NOTHING;
  const packets = await take(tap, id, 1 + tap.random.below(20));
  return { told: `read ${packets} of ${id}`, read: packets };
}

async function readAll(_places: Places, tap: Tap): Promise<Done> {
  let packets = 0;
  for (const id of tap.model.attached) packets += await take(tap, id, 'all');
  return { told: `read all: ${packets}`, read: packets };
}

async function readBadly(_places: Places, tap: Tap): Promise<Done> {
  const id = tap.form.header ? tap.random.pick(tap.model.attached) : undefined;
  if (!id) return NOTHING;
  const { EFAULT: packets = 0 } = (await tap.holders.get(id)?.readBad(id, 1 + tap.random.below(5)))?.errors ?? {};
  tap.model.took(id, packets, 'failed');
  return { told: `failed to read ${packets} of ${id}` };
}

async function resize(places: Places, tap: Tap): Promise<Done> {
  tap.length = 1 + tap.random.below(60);
  await places.placeOf(tap).testReader.length(tap.name, tap.length);
  tap.model.resize(tap.length);
  return { told: `txqueuelen ${tap.length}` };
}

async function downOrUp(places: Places, tap: Tap): Promise<Done> {
  await places.placeOf(tap).testReader.link(tap.name, 'down');
  tap.up = false;
  return { told: 'down' };
}

async function move(places: Places, tap: Tap): Promise<Done> {
  const from = places.placeOf(tap);
  tap.place = 1 - tap.place;
  await from.lab.ip(`link set dev ${tap.name} netns ${places.placeOf(tap).lab.name}`);
  tap.up = false;
  return { told: `moved to ${tap.place}` };
}

async function open(places: Places, tap: Tap): Promise<Done> {
  const { model, form } = tap;
  const held = [...model.attached, ...model.detached];
  const id = ['a', 'b', 'c', 'd'].map((letter) => letter + tap.name).find((one) => !held.includes(one));
  if (!id || held.length >= form.queues) return NOTHING;
  const place = places.placeOf(tap);
  await openAt(place, tap, id.slice(0, 1));
  await place.testReader.running(tap.name);
  return { told: `opened ${id}` };
}

async function close(_places: Places, tap: Tap): Promise<Done> {
  const { model, form, random, holders } = tap;
  const id = random.pick([...model.attached, ...model.detached]);
  if (!id) return NOTHING;
  await holders.get(id)?.close(id);
  holders.delete(id);
  model.close(id);
  if (form.persistent || model.attached.length + model.detached.length > 0) return { told: `closed ${id}` };
  tap.length = 0;
  tap.up = false;
  return { told: GONE };
}

async function detach(_places: Places, tap: Tap): Promise<Done> {
  const id = tap.form.queues > 1 ? tap.random.pick(tap.model.attached) : undefined;
  if (!id) return NOTHING;
  await tap.holders.get(id)?.detach(id);
  tap.model.detach(id);
  return { told: `detached ${id}` };
}

async function attach(_places: Places, tap: Tap): Promise<Done> {
  const id = tap.random.pick(tap.model.detached);
  if (!id) return NOTHING;
  await tap.holders.get(id)?.attach(id);
  tap.model.attach(id);
  return { told: `attached ${id}` };
}

/** A new queue's ring has the device's size. */
async function openAt({ testReader }: Place, tap: Tap, letter: string): Promise<void> {
  const { form, name } = tap;
  const flags = [
    ...(form.queues > 1 ? (['mq'] as const) : []),
    ...(form.persistent ? (['persist'] as const) : []),
    ...(form.header ? (['vnet'] as const) : []),
  ];
  await testReader.open(letter + name, name, 'tap', ...flags);
  tap.holders.set(letter + name, testReader);
  tap.model.open(letter + name);
}

function repeat(step: Step, times: number): readonly Step[] {
  return Array.from({ length: times }, () => step);
}
