/**
 * The layout of the file slot. The record in it has the ids of the span under which a thread runs. Numbers are little endian.
 *
 *   0   magic     `BRNACTX1`
 *   8   version   u32, 1
 *   12  sequence  u32, odd while the slot is being written
 *   16  record    28 bytes:  trace id 16, span id 8, valid u8, trace flags u8, size of attributes u16 (always 0)
 *   44  zeros     up to 64 bytes
 *
 * The record has the layout of OpenTelemetry's thread context (OTEP 4947), which the native add-on publishes too.
 */

export const SLOT_BYTES = 64;
export const SLOT_VERSION = 1;
export const RECORD_BYTES = 28;
/** Offset of `valid` in the record. */
export const VALID_OFFSET = 24;
const FLAGS_OFFSET = 25;
const ATTRIBUTES_SIZE_OFFSET = 26;
const MAGIC = new TextEncoder().encode("BRNACTX1");
const VERSION_OFFSET = 8;
export const SEQUENCE_OFFSET = 12;
export const RECORD_OFFSET = 16;

/** The ids of a span: the trace id as 32 and the span id as 16 hexadecimal digits, and the W3C trace flags. */
export interface SpanIds {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
}

export interface ThreadContext {
  /** Publishes a record of `encodeRecord`. From now on, the machine runs on this thread under the span of the record. */
  enter(record: Uint8Array): void;
  /** Makes the published record invalid, because code other than the machine gets the thread. */
  leave(): void;
}

/** Returns a valid record with the ids. */
export function encodeRecord({ traceId, spanId, traceFlags }: SpanIds): Uint8Array {
  const record = Buffer.alloc(RECORD_BYTES);
  record.write(traceId, 0, 16, "hex");
  record.write(spanId, 16, 8, "hex");
  record[VALID_OFFSET] = 1;
  record[FLAGS_OFFSET] = traceFlags;
  return record;
}

/** Returns a slot whose record is not valid. */
export function emptySlot(): Buffer {
  const slot = Buffer.alloc(SLOT_BYTES);
  slot.set(MAGIC);
  slot.writeUInt32LE(SLOT_VERSION, VERSION_OFFSET);
  return slot;
}

/** The content of a slot. `problem` says why this version cannot read the bytes as a slot. */
export type DecodedSlot =
  | { readonly state: "valid"; readonly ids: SpanIds }
  | { readonly state: "invalid" | "writing" }
  | { readonly state: "unknown"; readonly problem: string };

export function decodeSlot(slot: Buffer): DecodedSlot {
  const unknown = (problem: string): DecodedSlot => ({ state: "unknown", problem });
  if (slot.length !== SLOT_BYTES) return unknown(`it has ${slot.length} bytes instead of ${SLOT_BYTES}`);
  if (!slot.subarray(0, MAGIC.length).equals(MAGIC)) return unknown("it does not begin with BRNACTX1");
  const version = slot.readUInt32LE(VERSION_OFFSET);
  if (version !== SLOT_VERSION) return unknown(`it has version ${version}; this Boruna reads version ${SLOT_VERSION}`);
  if (slot.readUInt32LE(SEQUENCE_OFFSET) % 2 === 1) return { state: "writing" };
  const record = slot.subarray(RECORD_OFFSET, RECORD_OFFSET + RECORD_BYTES);
  const valid = record.readUInt8(VALID_OFFSET);
  if (valid === 0) return { state: "invalid" };
  if (valid !== 1) return unknown(`its field valid is ${valid}`);
  if (record.readUInt16LE(ATTRIBUTES_SIZE_OFFSET) !== 0) return unknown("it has attributes, which do not fit");
  const traceId = record.toString("hex", 0, 16);
  const spanId = record.toString("hex", 16, VALID_OFFSET);
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return unknown("it is valid, but has an id of zeros");
  return { state: "valid", ids: { traceId, spanId, traceFlags: record.readUInt8(FLAGS_OFFSET) } };
}
