// SPDX-License-Identifier: Apache-2.0
// Remote write, as Prometheus does it: WriteRequest of protobuf, framed as snappy without compression. A batch is encoded once; each time it is
// sent only its values and times are written anew, so that one process sends what a thousand hosts would.

export interface WrittenSeries {
  readonly labels: Readonly<Record<string, string>>;
  /** The value of the sample at this turn, counted from 0. */
  readonly value: (turn: number) => number;
}

export interface Batch {
  readonly series: readonly WrittenSeries[];
  readonly request: Buffer;
  /** Where the sample of each series begins. */
  readonly samples: readonly number[];
}

const LABELS = 0x0a;
const SAMPLE = 0x12;
const VALUE = 0x09;
const TIME = 0x10;
/** Milliseconds of this century, as a varint. */
const TIME_BYTES = 6;
const SAMPLE_BYTES = 1 + 8 + 1 + TIME_BYTES;
/** A literal of snappy with a length of two bytes. */
const LITERAL = 0xf4;
const MOST_LITERAL = 65_536;
const AGAIN_MS = 500;

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    bytes.push(rest >= 128 ? (rest % 128) + 128 : rest);
    if (rest < 128) return Buffer.from(bytes);
  }
}

function field(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([tag]), varint(content.length), content]);
}

export function batchOf(series: readonly WrittenSeries[]): Batch {
  const parts: Buffer[] = [];
  const samples: number[] = [];
  let length = 0;
  for (const { labels } of series) {
    const sorted = Object.keys(labels).sort();
    const encoded = sorted.map((name) =>
      field(LABELS, Buffer.concat([field(LABELS, Buffer.from(name)), field(SAMPLE, Buffer.from(labels[name] ?? ''))])),
    );
    const one = field(LABELS, Buffer.concat([...encoded, field(SAMPLE, Buffer.alloc(SAMPLE_BYTES))]));
    parts.push(one);
    length += one.length;
    samples.push(length - SAMPLE_BYTES);
  }
  return { series, request: Buffer.concat(parts), samples };
}

/** Sends until the receiver has it, as Prometheus does. Returns how often it was refused. */
export async function send(url: string, batch: Batch, turn: number, timeMs: number): Promise<number> {
  const time = varint(timeMs);
  if (time.length !== TIME_BYTES) throw new Error(`${timeMs} is no time of this century.`);
  for (const [index, offset] of batch.samples.entries()) {
    batch.request[offset] = VALUE;
    batch.request.writeDoubleLE(batch.series[index]?.value(turn) ?? 0, offset + 1);
    batch.request[offset + 9] = TIME;
    time.copy(batch.request, offset + 10);
  }
  const body = literal(batch.request);
  for (let refused = 0; ; refused++) {
    const headers = {
      'content-type': 'application/x-protobuf',
      'content-encoding': 'snappy',
      'x-prometheus-remote-write-version': '0.1.0',
    };
    const answer = await fetch(url, { method: 'POST', headers, body: new Uint8Array(body) }).catch(() => undefined);
    const text = await answer?.text();
    if (answer?.ok) return refused;
    if (answer && answer.status < 500 && answer.status !== 429) throw new Error(`${url}: ${answer.status} ${text}`);
    await new Promise((done) => setTimeout(done, AGAIN_MS));
  }
}

function literal(content: Buffer): Buffer {
  const parts: Buffer[] = [varint(content.length)];
  for (let at = 0; at < content.length; at += MOST_LITERAL) {
    const part = content.subarray(at, at + MOST_LITERAL);
    parts.push(Buffer.from([LITERAL, (part.length - 1) & 255, (part.length - 1) >> 8]), part);
  }
  return Buffer.concat(parts);
}
