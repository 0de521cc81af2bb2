// SPDX-License-Identifier: Apache-2.0
// The form of rtnetlink messages: struct nlmsghdr, a fixed header of the message's own, attributes; all in host order.

import { endianness } from 'node:os';
import { nameOf } from '../foreign-name.ts';

const littleEndian = endianness() === 'LE';

const HEADER_SIZE = 16;
const NLM_F_REQUEST = 0x1;
const NLM_F_ACK = 0x4;
const NLM_F_REPLACE = 0x100;
const NLM_F_CREATE = 0x400;
const NLM_F_DUMP = 0x300;
const ATTRIBUTE_HEADER_SIZE = 4;

/** The two upper bits of an attribute's type say that it is nested or in network order. */
const ATTRIBUTE_TYPE_MASK = 0x3fff;

/** Attributes by number. A number that occurs twice keeps the last. */
export type Attributes = ReadonlyMap<number, DataView>;

export interface Message {
  /** The message's own header, and all behind it. */
  readonly body: DataView;
  readonly attributes: Attributes;
}

/** Asks for all objects of one type; the message's own header is left zero. */
export function dumpRequest(type: number, ownHeaderSize: number): Uint8Array {
  const request = new Uint8Array(align(HEADER_SIZE + ownHeaderSize));
  const view = viewOf(request);
  view.setUint32(0, request.length, littleEndian);
  view.setUint16(4, type, littleEndian);
  view.setUint16(6, NLM_F_REQUEST | NLM_F_DUMP, littleEndian);
  return request;
}

/** Makes or changes one object: numbers at byte offsets of the message's own header, and attributes. */
export function changeRequest(
  type: number,
  ownHeaderSize: number,
  numbers: Numbers,
  attributes: ReadonlyMap<number, Uint8Array>,
): Uint8Array {
  const flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;
  return requestOf({ type, flags, ownHeaderSize, numbers }, attributes);
}

/** Asks for the objects of one type that the header's numbers and the attributes choose. */
export function filteredDumpRequest(
  type: number,
  ownHeaderSize: number,
  numbers: Numbers,
  attributes: ReadonlyMap<number, Uint8Array> = new Map(),
): Uint8Array {
  return requestOf({ type, flags: NLM_F_REQUEST | NLM_F_DUMP, ownHeaderSize, numbers }, attributes);
}

/** Asks for one object. */
export function getRequest(
  type: number,
  ownHeaderSize: number,
  numbers: Numbers,
  attributes: ReadonlyMap<number, Uint8Array>,
): Uint8Array {
  return requestOf({ type, flags: NLM_F_REQUEST, ownHeaderSize, numbers }, attributes);
}

/** Words of 32 bits by their byte offset in the message's own header. */
type Numbers = Readonly<Record<number, number>>;

interface Head {
  readonly type: number;
  readonly flags: number;
  readonly ownHeaderSize: number;
  readonly numbers: Numbers;
}

function requestOf(
  { type, flags, ownHeaderSize, numbers }: Head,
  attributes: ReadonlyMap<number, Uint8Array>,
): Uint8Array {
  const bytes = attributeBytes(attributes);
  const request = new Uint8Array(align(HEADER_SIZE + ownHeaderSize) + bytes.length);
  const view = viewOf(request);
  view.setUint32(0, request.length, littleEndian);
  view.setUint16(4, type, littleEndian);
  view.setUint16(6, flags, littleEndian);
  for (const [offset, value] of Object.entries(numbers))
    view.setUint32(HEADER_SIZE + Number(offset), value, littleEndian);
  request.set(bytes, align(HEADER_SIZE + ownHeaderSize));
  return request;
}

/** Attributes behind each other: those of a message, or the value of one that nests them. */
export function attributeBytes(attributes: ReadonlyMap<number, Uint8Array>): Uint8Array {
  const sizes = [...attributes.values()].map(({ length }) => align(ATTRIBUTE_HEADER_SIZE + length));
  const bytes = new Uint8Array(sizes.reduce((sum, size) => sum + size, 0));
  const view = viewOf(bytes);
  let offset = 0;
  for (const [number, value] of attributes) {
    view.setUint16(offset, ATTRIBUTE_HEADER_SIZE + value.length, littleEndian);
    view.setUint16(offset + 2, number, littleEndian);
    bytes.set(value, offset + ATTRIBUTE_HEADER_SIZE);
    offset += align(ATTRIBUTE_HEADER_SIZE + value.length);
  }
  return bytes;
}

export function textBytes(value: string): Uint8Array {
  return Buffer.from(`${value}\0`);
}

export function u32Bytes(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  viewOf(bytes).setUint32(0, value, littleEndian);
  return bytes;
}

/** nlmsg_len of one message; 0 if it has no header. */
function declaredLength(message: Uint8Array): number {
  return message.length < HEADER_SIZE ? 0 : u32(viewOf(message), 0);
}

/** The messages of one type; others are passed over. */
export function messagesOf(reply: Uint8Array, type: number, ownHeaderSize: number): readonly Message[] {
  const found: Message[] = [];
  for (let offset = 0; offset < reply.length; ) {
    const length = declaredLength(reply.subarray(offset));
    if (length < HEADER_SIZE || offset + length > reply.length) throw new RangeError(broken('message', offset));
    const body = viewOf(reply.subarray(offset + HEADER_SIZE, offset + length));
    if (u16(viewOf(reply.subarray(offset)), 4) === type) {
      if (body.byteLength < ownHeaderSize) throw new RangeError(broken('message', offset));
      found.push({ body, attributes: attributesIn(body, align(ownHeaderSize)) });
    }
    offset += align(length);
  }
  return found;
}

/** The attributes inside one; none inside none. */
export function nested(attribute: DataView | undefined): Attributes {
  return attribute === undefined ? new Map() : attributesIn(attribute, 0);
}

/** The values of those inside one that have this number, which may occur often. */
export function repeated(attribute: DataView | undefined, type: number): readonly DataView[] {
  const found: DataView[] = [];
  if (attribute) eachAttribute(attribute, 0, (number, value) => number === type && found.push(value));
  return found;
}

function attributesIn(view: DataView, start: number): Attributes {
  const found = new Map<number, DataView>();
  eachAttribute(view, start, (number, value) => found.set(number, value));
  return found;
}

function eachAttribute(view: DataView, start: number, take: (number: number, value: DataView) => unknown): void {
  for (let offset = start; offset + ATTRIBUTE_HEADER_SIZE <= view.byteLength; ) {
    const length = u16(view, offset);
    if (length < ATTRIBUTE_HEADER_SIZE || offset + length > view.byteLength) {
      throw new RangeError(broken('attribute', offset));
    }
    const value = new DataView(
      view.buffer,
      view.byteOffset + offset + ATTRIBUTE_HEADER_SIZE,
      length - ATTRIBUTE_HEADER_SIZE,
    );
    take(u16(view, offset + 2) & ATTRIBUTE_TYPE_MASK, value);
    offset += align(length);
  }
}

/** An unsigned attribute of 1, 2 or 4 bytes. */
export function integer(attribute: DataView | undefined): number | undefined {
  switch (attribute?.byteLength) {
    case 1:
      return attribute.getUint8(0);
    case 2:
      return u16(attribute, 0);
    case 4:
      return u32(attribute, 0);
    default:
      return undefined;
  }
}

/** '02:00:00:00:00:01'; undefined: it is none of Ethernet. */
export function macText(attribute: DataView | undefined): string | undefined {
  if (attribute?.byteLength !== 6) return undefined;
  return Buffer.from(attribute.buffer, attribute.byteOffset, 6)
    .toString('hex')
    .replace(/..(?=.)/g, '$&:');
}

/** A NUL-terminated string. */
export function text(attribute: DataView | undefined): string | undefined {
  if (attribute === undefined) return undefined;
  const bytes = Buffer.from(attribute.buffer, attribute.byteOffset, attribute.byteLength);
  const end = bytes.indexOf(0);
  return nameOf(end < 0 ? bytes : bytes.subarray(0, end));
}

export function u16(view: DataView, offset: number): number {
  return within(view, offset, 2).getUint16(offset, littleEndian);
}

export function u32(view: DataView, offset: number): number {
  return within(view, offset, 4).getUint32(offset, littleEndian);
}

/** Exact up to 2^53. */
export function u64(view: DataView, offset: number): number {
  return Number(within(view, offset, 8).getBigUint64(offset, littleEndian));
}

/** A kernel's struct may be longer than ours, never shorter. */
function within(view: DataView, offset: number, bytes: number): DataView {
  if (offset + bytes > view.byteLength) throw new RangeError(broken('attribute', offset));
  return view;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function align(length: number): number {
  return (length + 3) & ~3;
}

function broken(what: string, offset: number): string {
  return `The kernel's rtnetlink reply has a broken ${what} at byte ${offset}: report this with the kernel's version`;
}
