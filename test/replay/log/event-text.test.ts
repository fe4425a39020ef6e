/** The fast writer for calls and answers gives the same text as the general JSON of events. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { eventToJson } from "../../../replay/log/event-json.ts";
import { eventTexts } from "../../../replay/log/event-text.ts";
import { BlobRef, jsonText, type PutBlob } from "../../../replay/log/blob-values.ts";
import type { RunEvent } from "../../../vm/events.ts";
import { I64_MAX, I64_MIN } from "../../../vm/value/value.ts";
import { SAMPLE_EVENTS } from "../sample.ts";
import { anyText, anyValue } from "../values.ts";

const capability = fc.oneof(fc.constantFrom("time.now", "net.fetch"), anyText);
const anyCall: fc.Arbitrary<RunEvent> = fc.oneof(
  fc.record({ type: fc.constant("CapCall" as const), capability, args: fc.array(anyValue, { maxLength: 3 }) }),
  fc.record({ type: fc.constant("CapResult" as const), capability, result: anyValue }),
);

test("any event, with and without blobs", () => {
  const events = fc.array(fc.oneof(anyCall, fc.constantFrom(...SAMPLE_EVENTS)), { maxLength: 5 });
  fc.assert(
    fc.property(events, fc.constantFrom(0, 3, 10, 63, 64, 100, 65_536), fc.boolean(), (given, inlineBytes, blobs) => {
      const put: PutBlob | undefined = blobs ? (text, bytes) => new BlobRef(`blob of ${text}`, bytes) : undefined;
      const textOf = eventTexts(inlineBytes, put);
      for (const event of given) expect(textOf(event)).toBe(jsonText(eventToJson(event, inlineBytes, put)));
    }),
  );
});

test.each([0, -1, I64_MIN, I64_MAX, 2 ** 53 - 1, "", 'é\u0000"\\\u2028', "x".repeat(10_912), "x".repeat(10_913), true, false])(
  "%s",
  (value) => {
    const textOf = eventTexts(65_536);
    const event: RunEvent = { type: "CapResult", capability: "random", result: value };
    expect(textOf(event)).toBe(jsonText(eventToJson(event, 65_536)));
  },
);
