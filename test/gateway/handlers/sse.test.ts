import fc from "fast-check";
import { expect, test } from "vitest";
import { eventData } from "../../../gateway/handlers/sse.ts";
import { scaledRuns } from "../../cases.ts";

async function eventsOf(chunks: readonly Uint8Array[]): Promise<readonly string[]> {
  async function* source(): AsyncGenerator<Uint8Array> {
    yield* chunks;
  }
  const events: string[] = [];
  for await (const event of eventData(source())) events.push(event);
  return events;
}

test.each<[string, readonly string[]]>([
  ["data: a\n\n", ["a"]],
  ["data:a\ndata: b\ndata\ndata:  c\n\n", ["a\nb\n\n c"]],
  ["event: x\nid: 1\nretry: 5\n: comment\ndata: a\n\nevent: y\n\n", ["a"]],
  ["database: a\n\ndata: b", ["b"]],
  ["\ufeffdata: a\n\n", ["a"]],
  ["data: \n\n", [""]],
  ["\n\n\n", []],
])("%j has the events %j, with every line end and every cut", async (text, events) => {
  for (const lineEnd of ["\n", "\r\n", "\r"]) {
    const bytes = new TextEncoder().encode(text.replaceAll("\n", lineEnd));
    for (let cut = 0; cut <= bytes.length; cut++) expect(await eventsOf([bytes.subarray(0, cut), bytes.subarray(cut)])).toEqual(events);
    expect(await eventsOf([...bytes].map((byte) => Uint8Array.of(byte)))).toEqual(events);
  }
});

test("any bytes are events or a failure, however they are cut", async () => {
  const outcome = async (chunks: readonly Uint8Array[]): Promise<unknown> => {
    try {
      return await eventsOf(chunks);
    } catch (error) {
      return String(error);
    }
  };
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom("data: ", "x", "é", "\r", "\n", "\u{1f600}"), { maxLength: 30 }),
      fc.nat(200),
      fc.integer({ min: 1, max: 5 }),
      async (parts, broken, size) => {
        const bytes = new TextEncoder().encode(parts.join(""));
        if (broken < bytes.length) bytes[broken] = 0xff;
        const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
        expect(await outcome(chunks)).toEqual(await outcome([bytes]));
      },
    ),
    { numRuns: scaledRuns(2_000) },
  );
});
