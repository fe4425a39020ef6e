/** The fast reader takes calls and answers with scalars directly from a record's bytes. It reads what the general reader reads. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { eventFromJson, type RecordedEvent } from "../../../replay/log/event-json.ts";
import { eventTexts } from "../../../replay/log/event-text.ts";
import { afterEvent, EVENT_MEMBER, HASH_MEMBER, hashOfBytes, hashOfText } from "../../../replay/log/hash-chain.ts";
import { ScalarRecords } from "../../../replay/log/scalar-record.ts";
import { UNIT, type Value } from "../../../vm/value/value.ts";
import type { RunEvent } from "../../../vm/events.ts";
import { parseJson } from "../../../vm/json/json.ts";
import { SAMPLE_EVENTS } from "../sample.ts";
import { anyText, anyValue } from "../values.ts";

const EVENT_NUMBER = 12;
const PREVIOUS_HASH = "0123456789abcdef".repeat(4);
const textOf = eventTexts(Number.POSITIVE_INFINITY);
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array): string => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
const hashOf = (event: string): string => hashOfText(PREVIOUS_HASH, EVENT_MEMBER + event + afterEvent(EVENT_NUMBER));
/** Returns the record for the JSON text of an event. */
const recordOf = (event: string): string => `${EVENT_MEMBER}${event}${HASH_MEMBER}${hashOf(event)}"${afterEvent(EVENT_NUMBER)}`;
const readRecord = (record: string): RecordedEvent | undefined => new ScalarRecords().read(encode(record), EVENT_NUMBER);

const capability = fc.oneof(fc.constantFrom("time.now", "net.fetch"), anyText);
const scalar: fc.Arbitrary<Value> = fc.oneof(anyText, fc.maxSafeInteger(), fc.boolean(), fc.constant(UNIT));
const anyCall: fc.Arbitrary<RunEvent> = fc.oneof(
  fc.record({ type: fc.constant("CapCall" as const), capability, args: fc.array(fc.oneof(scalar, anyValue), { maxLength: 3 }) }),
  fc.record({ type: fc.constant("CapResult" as const), capability, result: fc.oneof(scalar, anyValue) }),
);
/** Texts that are inserted into records. */
const pieces = fc.oneof(
  fc.constantFrom('"', "\\", ",", "}", "{", "[", "0", "1", "-", ".", " ", "é", "\u0000", "\u007f", '"Unit"', '{"Int":1}'),
  anyText,
);

test("it reads the same event as the general reader from the bytes of the recorder, and finds the hash", () => {
  fc.assert(
    fc.property(fc.oneof(anyCall, fc.constantFrom(...SAMPLE_EVENTS)), (event) => {
      const text = textOf(event);
      const record = encode(recordOf(text));
      const records = new ScalarRecords();
      const found = records.read(record, EVENT_NUMBER);
      if (found === undefined) return;
      expect(found).toStrictEqual(eventFromJson(parseJson(text)));
      const { hashMemberOffset: hashMemberAt } = records;
      expect(hashOfBytes(PREVIOUS_HASH, record, hashMemberAt, record.length - afterEvent(EVENT_NUMBER).length)).toBe(hashOf(text));
      expect(records.hasHash(hashOf(text))).toBe(true);
      expect(records.hasHash(PREVIOUS_HASH)).toBe(false);
    }),
  );
});

test("it reads a changed record only if the recorder would write exactly these bytes for its event", () => {
  fc.assert(
    fc.property(anyCall, fc.nat(), fc.nat({ max: 3 }), pieces, (event, position, removed, inserted) => {
      const record = recordOf(textOf(event));
      const at = position % (record.length + 1);
      // A cut may leave half a surrogate pair, which the encoder replaces.
      const changed = decode(encode(record.slice(0, at) + inserted + record.slice(at + removed)));
      const found = readRecord(changed);
      if (found === undefined) return;
      // The reader does not check the hash: that is done when the hash is compared.
      const [, hash] = /,"hash":"([0-9a-f]{64})","n":12\}$/.exec(changed) ?? [];
      if (hash === undefined) return;
      const text = textOf(found);
      expect(changed).toBe(`${EVENT_MEMBER}${text}${HASH_MEMBER}${hash}"${afterEvent(EVENT_NUMBER)}`);
      expect(found).toStrictEqual(eventFromJson(parseJson(text)));
    }),
  );
});

test("it reads scalars", () => {
  for (const value of [0, -1, 123_456_789_012_345, "", "é", "😀", "a b", "\u007f", true, false, UNIT]) {
    const result: RunEvent = { type: "CapResult", capability: "time.now", result: value };
    const call: RunEvent = { type: "CapCall", capability: "net.fetch", args: [value, value] };
    for (const event of [result, call]) expect(readRecord(recordOf(textOf(event)))).toEqual(event);
  }
});

test("it reads records of several capabilities in turn", () => {
  const records = new ScalarRecords();
  for (const name of ["time.now", "time.now_ms", "time.now", "time.no", "a"]) {
    const event: RunEvent = { type: "CapCall", capability: name, args: [] };
    expect(records.read(encode(recordOf(textOf(event))), EVENT_NUMBER)).toEqual(event);
  }
});

describe("it leaves all other events, and all other spellings, to the general reader", () => {
  const result = (value: string): string => `{"CapResult":{"capability":"time.now","result":${value}}}`;
  test.each([
    result('{"Int":-0}'),
    result('{"Int":01}'),
    result('{"Int":-}'),
    result('{"Int":1.0}'),
    result('{"Int":1234567890123456}'),
    result('{"Int": 1}'),
    result('{"String":"a\\n"}'),
    result('{"String":"a\n"}'),
    result('{"Bool":true,"Bool":true}'),
    result('{"Blob":{"bytes":1,"sha256":"a"}}'),
    `${result('{"Int":1}')} `,
    '{"CapResult":{"capability":"","result":{"Int":1}}}',
    '{"CapResult":{"capability":"Ä","result":{"Int":1}}}',
    '{"CapCall":{"args":[{"Int":1}{"Int":1}],"capability":"a.b"}}',
    '{"CapCall":{"args":[,{"Int":1}],"capability":"a.b"}}',
    '{"CapCall":{"args":[{"Int":1},],"capability":"a.b"}}',
    '{"CapCall":{"capability":"a.b","args":[]}}',
  ])("%s", (event) => expect(readRecord(recordOf(event))).toBeUndefined());

  const good = recordOf(result('{"Int":1}'));
  test.each([
    ["another number", good.replace(/12\}$/, "13}")],
    ["a number with a zero in front", good.replace(/12\}$/, "012}")],
    ["more after the record", `${good} `],
    ["no end", good.slice(0, -1)],
    ["a short hash", good.replace(hashOf(result('{"Int":1}')), "a")],
  ])("%s", (_name, record) => expect(readRecord(record)).toBeUndefined());

  test("bytes that are not UTF-8", () => {
    const record = encode(recordOf(result('{"String":"x"}')));
    record[record.indexOf(0x78)] = 0xff;
    expect(new ScalarRecords().read(record, EVENT_NUMBER)).toBeUndefined();
  });
});
