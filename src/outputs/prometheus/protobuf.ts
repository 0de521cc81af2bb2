// SPDX-License-Identifier: Apache-2.0
// Messages of io.prometheus.client (metrics.proto), each family behind its length: the only format that has native histograms.
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { Framing } from './family.ts';

/** The numbers of MetricType. */
const types: Readonly<Record<string, number>> = { counter: 0, gauge: 1, histogram: 4 };

/** Fields by message; a tag is written as a number. */
const tagOf = (field: number, type: WireType): number => (field << 3) | type;
const { Varint, Bit64, LengthDelimited } = WireType;

const FAMILY = {
  name: tagOf(1, LengthDelimited),
  help: tagOf(2, LengthDelimited),
  type: tagOf(3, Varint),
  metric: tagOf(4, LengthDelimited),
};
const LABEL = { name: tagOf(1, LengthDelimited), value: tagOf(2, LengthDelimited) };
const METRIC = {
  label: tagOf(1, LengthDelimited),
  gauge: tagOf(2, LengthDelimited),
  counter: tagOf(3, LengthDelimited),
  histogram: tagOf(7, LengthDelimited),
};
/** Of a gauge and of a counter. */
const VALUE = tagOf(1, Bit64);
const COUNTER_START = tagOf(3, LengthDelimited);
const HISTOGRAM = {
  count: tagOf(1, Varint),
  sum: tagOf(2, Bit64),
  bucket: tagOf(3, LengthDelimited),
  schema: tagOf(5, Varint),
  zeroThreshold: tagOf(6, Bit64),
  zeroCount: tagOf(7, Varint),
  positiveSpan: tagOf(12, LengthDelimited),
  positiveDelta: tagOf(13, LengthDelimited),
  start: tagOf(15, LengthDelimited),
};
const BUCKET = { count: tagOf(1, Varint), bound: tagOf(2, Bit64) };
const SPAN = { offset: tagOf(1, Varint), length: tagOf(2, Varint) };
const TIMESTAMP = { seconds: tagOf(1, Varint), nanos: tagOf(2, Varint) };

/** Each bucket is twice as wide as the one before it. */
const SCHEMA = 0;
/** As in client_golang. It may not be 0: to Prometheus 2.42 that, and no observation but of 0, is a classic histogram. */
const ZERO_THRESHOLD = 2 ** -128;

export const protobufFraming: Framing = {
  begin: (chunks, { name, help, type }, bytes) => {
    const head = new BinaryWriter()
      .uint32(FAMILY.name)
      .string(name)
      .uint32(FAMILY.help)
      .string(help)
      .uint32(FAMILY.type)
      .uint32(types[type] ?? 1)
      .finish();
    chunks.bytes(new BinaryWriter().uint32(head.length + bytes).finish());
    chunks.bytes(head);
  },
  end: () => undefined,
};

/** A classic histogram's cumulative buckets, without that of +Inf, and its native buckets: `counts[i]` are above 2^(first + i - 1) and up to 2^(first + i). */
export interface HistogramValue {
  readonly count: number;
  readonly sum: number;
  readonly bounds: readonly number[];
  readonly cumulative: readonly number[];
  readonly native: { readonly zeros: number; readonly first: number; readonly counts: readonly number[] } | undefined;
}

/** Encodes one series after the other: `begin`, its labels, then its value, which ends it. */
export class SeriesEncoder {
  readonly #writer = new BinaryWriter();

  /** `labels`: encoded ones. */
  begin(labels: Uint8Array): void {
    this.#writer.uint32(FAMILY.metric).fork().raw(labels);
  }

  /** An empty value is the same as no label. */
  label(name: string, value: string): void {
    if (value === '') return;
    this.#writer.uint32(METRIC.label).fork();
    this.#writer.uint32(LABEL.name).string(name).uint32(LABEL.value).string(value).join();
  }

  gauge(value: number): Uint8Array {
    this.#writer.uint32(METRIC.gauge).fork().uint32(VALUE).double(value);
    return this.#writer.join().join().finish();
  }

  /** `start`: Unix time, seconds. */
  counter(value: number, start: number | undefined): Uint8Array {
    this.#writer.uint32(METRIC.counter).fork().uint32(VALUE).double(value);
    this.#start(COUNTER_START, start);
    return this.#writer.join().join().finish();
  }

  histogram(value: HistogramValue, start: number | undefined): Uint8Array {
    const writer = this.#writer;
    writer.uint32(METRIC.histogram).fork().uint32(HISTOGRAM.count);
    this.#count(value.count);
    writer.uint32(HISTOGRAM.sum).double(value.sum);
    for (let index = 0; index < value.bounds.length; index += 1) {
      writer.uint32(HISTOGRAM.bucket).fork().uint32(BUCKET.count);
      this.#count(value.cumulative[index] ?? 0);
      writer.uint32(BUCKET.bound).double(value.bounds[index] ?? 0);
      writer.join();
    }
    if (value.native !== undefined) this.#native(value.native);
    this.#start(HISTOGRAM.start, start);
    return writer.join().join().finish();
  }

  /** The labels that were written since the last series: they can be written again as they are. */
  labels(): Uint8Array {
    return this.#writer.finish();
  }

  #native({ zeros, first, counts }: NonNullable<HistogramValue['native']>): void {
    const writer = this.#writer;
    writer.uint32(HISTOGRAM.schema).sint32(SCHEMA).uint32(HISTOGRAM.zeroThreshold).double(ZERO_THRESHOLD);
    writer.uint32(HISTOGRAM.zeroCount);
    this.#count(zeros);
    if (counts.length === 0) return;
    writer.uint32(HISTOGRAM.positiveSpan).fork();
    writer.uint32(SPAN.offset).sint32(first).uint32(SPAN.length).uint32(counts.length).join();
    writer.uint32(HISTOGRAM.positiveDelta).fork();
    let before = 0;
    for (const count of counts) {
      writer.sint64(count - before);
      before = count;
    }
    writer.join();
  }

  /** A count below 2^32 needs no 64 bits to be encoded. */
  #count(count: number): void {
    if (count <= 0xffff_ffff) this.#writer.uint32(count);
    else this.#writer.uint64(count);
  }

  #start(tag: number, start: number | undefined): void {
    if (start === undefined) return;
    const seconds = Math.floor(start);
    this.#writer.uint32(tag).fork().uint32(TIMESTAMP.seconds).int64(seconds);
    this.#writer.uint32(TIMESTAMP.nanos).int32(Math.floor(1e9 * (start - seconds)));
    this.#writer.join();
  }
}
