/** Compares the fast reading of calls and answers with the general reading of events. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { eventFromJson } from "../../../replay/log/event-json.ts";
import { eventTexts } from "../../../replay/log/event-text.ts";
import { readScalarEvent } from "../../../replay/log/scalar-event.ts";
import type { RunEvent } from "../../../vm/events.ts";
import { parseJson } from "../../../vm/json/json.ts";
import { SAMPLE_EVENTS } from "../sample.ts";
import { anyText, anyValue } from "../values.ts";

const textOf = eventTexts(Number.POSITIVE_INFINITY);
const capability = fc.oneof(fc.constantFrom("time.now", "net.fetch"), anyText);
const scalar = fc.oneof(anyText, fc.maxSafeInteger(), fc.boolean());
const anyCall: fc.Arbitrary<RunEvent> = fc.oneof(
  fc.record({ type: fc.constant("CapCall" as const), capability, args: fc.array(fc.oneof(scalar, anyValue), { maxLength: 3 }) }),
  fc.record({ type: fc.constant("CapResult" as const), capability, result: fc.oneof(scalar, anyValue) }),
);

test("what it reads is the event that the general reading finds, wherever it is in a text", () => {
  fc.assert(
    fc.property(fc.oneof(anyCall, fc.constantFrom(...SAMPLE_EVENTS)), anyText, anyText, (event, before, after) => {
      const text = textOf(event);
      const read = readScalarEvent(before + text + after, before.length, before.length + text.length);
      if (read !== undefined) expect(read).toStrictEqual(eventFromJson(parseJson(text)));
    }),
  );
});

test("it reads scalars", () => {
  for (const value of [0, -1, 123_456_789_012_345, "", "é", "😀", "a b", true, false]) {
    const result: RunEvent = { type: "CapResult", capability: "time.now", result: value };
    const call: RunEvent = { type: "CapCall", capability: "net.fetch", args: [value, value] };
    for (const event of [result, call]) expect(readScalarEvent(textOf(event), 0, textOf(event).length)).toEqual(event);
  }
});

describe("it leaves everything that the recorder does not write, or writes otherwise, to the general reading", () => {
  const result = (value: string): string => `{"CapResult":{"capability":"time.now","result":${value}}}`;
  test.each([
    result('{"Int":-0}'),
    result('{"Int":01}'),
    result('{"Int":1.0}'),
    result('{"Int":1234567890123456}'),
    result('{"Int": 1}'),
    result('{"String":"a\\n"}'),
    result('{"String":"a\n"}'),
    result('{"String":"\ud800"}'),
    result('{"Bool":true,"Bool":true}'),
    result('{"Blob":{"bytes":1,"sha256":"a"}}'),
    `${result('{"Int":1}')} `,
    '{"CapResult":{"capability":"","result":{"Int":1}}}',
    '{"CapResult":{"capability":"Ä","result":{"Int":1}}}',
    '{"CapCall":{"args":[{"Int":1}{"Int":1}],"capability":"a.b"}}',
    '{"CapCall":{"args":[,{"Int":1}],"capability":"a.b"}}',
    '{"CapCall":{"args":[{"Int":1},],"capability":"a.b"}}',
    '{"CapCall":{"capability":"a.b","args":[]}}',
  ])("%s", (text) => expect(readScalarEvent(text, 0, text.length)).toBeUndefined());
});
