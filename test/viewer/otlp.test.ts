import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { decodeTraceRequest, type OtlpForm, otlpForm } from "../../viewer/otlp.ts";
import { type Receiver, startReceiver } from "../../viewer/receiver.ts";
import type { DecodedSpan } from "../../viewer/span-data.ts";
import { BorunaError } from "../../vm/error.ts";
import { REQUEST_TYPE } from "../telemetry/collector.ts";
import { scaledRuns } from "../cases.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";

interface Sample {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly [field: string]: unknown;
}

/** A request with the given spans, in OTLP's JSON encoding. */
const requestOf = (...spans: readonly Sample[]): unknown => ({
  resourceSpans: [
    {
      resource: { attributes: [{ key: "service.name", value: { stringValue: "svc" } }] },
      scopeSpans: [{ scope: { name: "lib", version: "1" }, spans }],
    },
  ],
});
const sampleSpan = (more: Readonly<Record<string, unknown>> = {}): Sample => ({
  traceId: TRACE,
  spanId: SPAN,
  name: "n",
  kind: 1,
  startTimeUnixNano: "1700000000000000001",
  endTimeUnixNano: "1700000000000000999",
  ...more,
});
const json = (request: unknown): Uint8Array => Buffer.from(JSON.stringify(request));

/** The same request in protobuf. Ids are hex in OTLP's JSON, but base64 in the objects of protobufjs. */
function protobuf(request: unknown): Uint8Array {
  const isId = (key: string): boolean => ["traceId", "spanId", "parentSpanId"].includes(key);
  const text: unknown = JSON.parse(
    JSON.stringify(request, (key, value: unknown) =>
      isId(key) && typeof value === "string" ? Buffer.from(value, "hex").toString("base64") : value,
    ),
  );
  if (typeof text !== "object" || text === null) throw new Error("not a request");
  return REQUEST_TYPE.encode(REQUEST_TYPE.fromObject(text)).finish();
}

const encode = (request: unknown, form: OtlpForm): Uint8Array => (form === "json" ? json(request) : protobuf(request));
const decode = (request: unknown, form: OtlpForm): readonly DecodedSpan[] => decodeTraceRequest(encode(request, form), form);

function refusal(bytes: Uint8Array, form: OtlpForm): string {
  try {
    decodeTraceRequest(bytes, form);
  } catch (error) {
    if (error instanceof BorunaError && error.kind === "telemetry.otlp_malformed") return error.message;
    throw error;
  }
  return "";
}

const FORMS = ["protobuf", "json"] as const;

describe.each(FORMS)("%s", (form) => {
  test("decodes every field of a span", () => {
    const attributes = [
      { key: "s", value: { stringValue: "ü\u0000𝄞" } },
      { key: "t", value: { boolValue: true } },
      { key: "f", value: { boolValue: false } },
      { key: "i", value: { intValue: "-5" } },
      { key: "max", value: { intValue: "9223372036854775807" } },
      { key: "min", value: { intValue: "-9223372036854775808" } },
      { key: "d", value: { doubleValue: 1.5 } },
      { key: "b", value: { bytesValue: Buffer.from([0, 255]).toString("base64") } },
      { key: "a", value: { arrayValue: { values: [{ intValue: "1" }, { stringValue: "x" }, {}] } } },
      { key: "m", value: { kvlistValue: { values: [{ key: "__proto__", value: { intValue: "2" } }] } } },
      { key: "none" },
    ];
    const [span, ...more] = decode(
      requestOf(
        sampleSpan({
          parentSpanId: "00f067aa0ba902b7",
          traceState: "a=1",
          attributes,
          droppedAttributesCount: 1,
          droppedEventsCount: 2,
          events: [{ timeUnixNano: "7", name: "e", attributes: [{ key: "k", value: { intValue: "1" } }] }],
          links: [{ traceId: TRACE, spanId: SPAN, attributes: [{ key: "k", value: { intValue: "2" } }] }],
          status: { code: 2, message: "m" },
          flags: 0x101,
        }),
      ),
      form,
    );
    expect(more).toEqual([]);
    expect(span).toEqual({
      traceId: TRACE,
      spanId: SPAN,
      parentSpanId: "00f067aa0ba902b7",
      traceState: "a=1",
      name: "n",
      kind: 1,
      startNs: 1700000000000000001n,
      endNs: 1700000000000000999n,
      attributes: new Map<string, unknown>([
        ["s", "ü\u0000𝄞"],
        ["t", true],
        ["f", false],
        ["i", -5],
        ["max", 9223372036854775807n],
        ["min", -9223372036854775808n],
        ["d", 1.5],
        ["b", Uint8Array.from([0, 255])],
        ["a", [1, "x", null]],
        ["m", new Map([["__proto__", 2]])],
        ["none", null],
      ]),
      droppedCount: 3,
      events: [{ name: "e", timeNs: 7n, attributes: new Map([["k", 1]]) }],
      links: [{ traceId: TRACE, spanId: SPAN, attributes: new Map([["k", 2]]) }],
      status: { code: 2, message: "m" },
      flags: 0x101,
      resource: new Map([["service.name", "svc"]]),
      scope: { name: "lib", version: "1" },
    });
  });

  test("an empty request has no spans, a parent id of zeros means no parent, and absent fields get their defaults", () => {
    expect(decode({}, form)).toEqual([]);
    expect(decode({ resourceSpans: [{}, { scopeSpans: [{}] }] }, form)).toEqual([]);
    const [span] = decode(
      { resourceSpans: [{ scopeSpans: [{ spans: [{ traceId: TRACE, spanId: SPAN, parentSpanId: "0".repeat(16) }] }] }] },
      form,
    );
    expect(span).toMatchObject({ name: "", kind: 0, startNs: 0n, status: { code: 0, message: "" }, scope: { name: "" } });
    expect(span?.parentSpanId).toBeUndefined();
  });

  test("a span without valid ids is malformed", () => {
    for (const ids of [
      { traceId: "" },
      { spanId: "" },
      { traceId: "0".repeat(32) },
      { spanId: "0".repeat(16) },
      { traceId: TRACE.slice(2) },
      { spanId: `${SPAN}00` },
    ]) {
      expect(refusal(encode(requestOf(sampleSpan(ids)), form), form)).toMatch(/ids|hex digits|an id of/);
    }
  });

  test("values may nest 32 deep but no deeper", () => {
    const nested = (depth: number): unknown => (depth === 0 ? { intValue: "1" } : { arrayValue: { values: [nested(depth - 1)] } });
    const request = (depth: number): unknown => requestOf(sampleSpan({ attributes: [{ key: "k", value: nested(depth) }] }));
    expect(decode(request(32), form)).toHaveLength(1);
    expect(refusal(encode(request(33), form), form)).toContain("nested deeper than 32");
  });

  test("more than 4 MiB is refused", () => {
    expect(refusal(new Uint8Array(4 * 1024 * 1024 + 1), form)).toContain("more than 4194304 bytes");
  });

  test("a request truncated anywhere decodes or is malformed, without another error", () => {
    const bytes = encode(
      requestOf(sampleSpan({ attributes: [{ key: "k", value: { stringValue: "value" } }], status: { code: 2 } }), sampleSpan()),
      form,
    );
    for (let length = 0; length < bytes.length; length++) refusal(bytes.subarray(0, length), form);
  });

  test("random bytes decode or are malformed, without another error", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void refusal(bytes, form)),
      { numRuns: scaledRuns(3_000) },
    );
  });

  test("a valid request with changed bytes decodes or is malformed, without another error", () => {
    const good = encode(
      requestOf(
        sampleSpan({
          attributes: [{ key: "k", value: { arrayValue: { values: [{ intValue: "77" }, { doubleValue: 2.5 }] } } }],
          events: [{ name: "e", timeUnixNano: "5" }],
        }),
      ),
      form,
    );
    const change = fc.record({ at: fc.nat({ max: good.length - 1 }), byte: fc.nat({ max: 255 }) });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
        const bytes = Uint8Array.from(good);
        for (const { at, byte } of changes) bytes[at] = byte;
        refusal(bytes, form);
      }),
      { numRuns: scaledRuns(3_000) },
    );
  });
});

test("both encodings of a request decode to the same spans", () => {
  const leaf = fc.oneof(
    fc.record({ stringValue: fc.string({ unit: "binary" }) }),
    fc.record({ boolValue: fc.boolean() }),
    fc.record({ intValue: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String) }),
    fc.record({ doubleValue: fc.double({ noNaN: true, noDefaultInfinity: true }).map((d) => (Object.is(d, -0) ? 0 : d)) }),
  );
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      leaf,
      fc.record({ arrayValue: fc.record({ values: fc.array(tie("value"), { maxLength: 3 }) }) }),
      fc.record({ kvlistValue: fc.record({ values: fc.array(fc.record({ key: fc.string(), value: tie("value") }), { maxLength: 3 }) }) }),
    ),
  }));
  const hex = (length: number): fc.Arbitrary<string> =>
    fc
      .uint8Array({ minLength: length, maxLength: length })
      .filter((b) => b.some((x) => x > 0))
      .map((b) => Buffer.from(b).toString("hex"));
  const nanos = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String);
  const span = fc.record({
    traceId: hex(16),
    spanId: hex(8),
    parentSpanId: hex(8),
    name: fc.string(),
    kind: fc.nat({ max: 5 }),
    startTimeUnixNano: nanos,
    endTimeUnixNano: nanos,
    attributes: fc.array(fc.record({ key: fc.string(), value }), { maxLength: 4 }),
    status: fc.record({ code: fc.nat({ max: 2 }), message: fc.string() }),
  });
  fc.assert(
    fc.property(fc.array(span, { maxLength: 3 }), (spans) => {
      const decoded = decode(requestOf(...spans), "json");
      expect(decode(requestOf(...spans), "protobuf")).toEqual(decoded);
      expect(decoded.map(({ traceId, spanId, name, startNs }) => ({ traceId, spanId, name, startNs: String(startNs) }))).toEqual(
        spans.map(({ traceId, spanId, name, startTimeUnixNano }) => ({ traceId, spanId, name, startNs: startTimeUnixNano })),
      );
    }),
    { numRuns: 200 },
  );
});

describe("protobuf only", () => {
  test.each([
    ["a varint that does not end", [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]],
    ["a cut varint", [0x08, 0xff]],
    ["a length beyond the end", [0x0a, 0x05, 0x00]],
    ["a huge length", [0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]],
    ["field number 0", [0x00, 0x00]],
    ["a group", [0x0b, 0x0c]],
    ["the wrong wire type", [0x08, 0x01]],
    ["text that is not UTF-8", [0x0a, 0x07, 0x12, 0x05, 0x0a, 0x03, 0x0a, 0x01, 0xff]],
  ])("%s is malformed", (_, bytes) => {
    expect(refusal(Uint8Array.from(bytes), "protobuf")).toContain("malformed OTLP request: ");
  });

  test("unknown fields of every wire type are skipped", () => {
    const unknown = Buffer.from([0x98, 0x06, 0x01, 0x99, 0x06, 1, 2, 3, 4, 5, 6, 7, 8, 0x9a, 0x06, 0x01, 0x00, 0x9d, 0x06, 1, 2, 3, 4]);
    expect(decodeTraceRequest(Buffer.concat([unknown, protobuf(requestOf(sampleSpan())), unknown]), "protobuf")).toHaveLength(1);
  });

  test("a request of 4 MiB with as many items as possible is refused with bounded work", () => {
    const attribute = Buffer.from([0x4a, 0x00]);
    const ids = Buffer.concat([Buffer.from([0x0a, 16]), Buffer.from(TRACE, "hex"), Buffer.from([0x12, 8]), Buffer.from(SPAN, "hex")]);
    const wrapped = (field: number, body: Buffer): Buffer => {
      const head = [field];
      let rest = body.length;
      for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) head.push((rest % 0x80) + 0x80);
      return Buffer.concat([Buffer.from([...head, rest]), body]);
    };
    const span = Buffer.concat([ids, ...Array.from({ length: 2_000_000 }, () => attribute)]);
    expect(refusal(wrapped(0x0a, wrapped(0x12, wrapped(0x12, span))), "protobuf")).toContain("more than 500000 spans");
  });
});

describe("JSON only", () => {
  test.each([
    ["nothing", ""],
    ["an array", "[]"],
    ["a cut object", '{"resourceSpans":['],
    ["a list that is none", '{"resourceSpans":{}}'],
    ["an element that is none", '{"resourceSpans":[1]}'],
    ["bytes that are not UTF-8", "\u00ff"],
  ])("%s is malformed", (_, text) => {
    expect(refusal(Buffer.from(text, "latin1"), "json")).toContain("malformed OTLP request: ");
  });

  test("accepts numbers for strings, null for absent members, upper-case ids, and NaN and Infinity", () => {
    const request = requestOf(
      sampleSpan({
        traceId: TRACE.toUpperCase(),
        parentSpanId: null,
        startTimeUnixNano: 5,
        attributes: [
          { key: "i", value: { intValue: 7 } },
          { key: "nan", value: { doubleValue: "NaN" } },
          { key: "inf", value: { doubleValue: "-Infinity" } },
          { key: "d", value: { doubleValue: 3 } },
        ],
        status: null,
        later: [1, 2, 3],
      }),
    );
    const [span] = decode(request, "json");
    expect(span).toMatchObject({ traceId: TRACE, startNs: 5n, status: { code: 0 } });
    expect([...(span?.attributes ?? [])]).toEqual([
      ["i", 7],
      ["nan", Number.NaN],
      ["inf", Number.NEGATIVE_INFINITY],
      ["d", 3],
    ]);
  });

  test("a time beyond 2^53 written as a number is exact", () => {
    const text = JSON.stringify(requestOf(sampleSpan())).replace('"1700000000000000001"', "1700000000000000001");
    expect(decodeTraceRequest(Buffer.from(text), "json")[0]?.startNs).toBe(1700000000000000001n);
  });

  test.each([
    { startTimeUnixNano: "-1" },
    { startTimeUnixNano: "x" },
    { startTimeUnixNano: "99999999999999999999" },
    { name: 5 },
    { kind: 1.5 },
    { attributes: [{ key: "k", value: { doubleValue: "0x10" } }] },
  ])("malformed: %j", (more) => {
    expect(refusal(json(requestOf(sampleSpan(more))), "json")).not.toBe("");
  });
});

test("content types", () => {
  expect(otlpForm("application/x-protobuf")).toBe("protobuf");
  expect(otlpForm("Application/JSON; charset=utf-8")).toBe("json");
  expect(otlpForm("text/plain")).toBeUndefined();
  expect(otlpForm(undefined)).toBeUndefined();
});

describe("the receiver", () => {
  const received: DecodedSpan[] = [];
  let receiver: Receiver;
  beforeAll(async () => {
    receiver = await startReceiver({
      onSpans: (spans) => {
        if (spans.some((span) => span.name === "break")) throw new Error("SENTINEL");
        received.push(...spans);
      },
    });
  });
  afterAll(() => receiver.close());

  const post = (body: Uint8Array, headers: Record<string, string> = {}, path = "/v1/traces", method = "POST"): Promise<Response> =>
    fetch(receiver.url + path, {
      method,
      headers: { "content-type": "application/x-protobuf", ...headers },
      ...(method === "POST" ? { body: Buffer.from(body) } : {}),
    });
  const good = protobuf(requestOf(sampleSpan()));

  test.each(FORMS)("accepts %s, with and without gzip", async (form) => {
    received.length = 0;
    const bytes = encode(requestOf(sampleSpan(), sampleSpan()), form);
    const type = form === "json" ? "application/json" : "application/x-protobuf";
    const plain = await post(bytes, { "content-type": type });
    expect([plain.status, plain.headers.get("content-type"), await plain.text()]).toEqual([200, type, form === "json" ? "{}" : ""]);
    expect((await post(gzipSync(bytes), { "content-type": type, "content-encoding": "gzip" })).status).toBe(200);
    expect(received).toHaveLength(4);
  });

  test("refuses invalid requests and keeps running", async () => {
    received.length = 0;
    const status = async (answer: Promise<Response>): Promise<number> => (await answer).status;
    expect(await status(post(Buffer.from("rubbish")))).toBe(400);
    expect(await status(post(good.subarray(0, 20)))).toBe(400);
    expect(await status(post(good, { "content-encoding": "gzip" }))).toBe(400);
    expect(await status(post(good, { "content-encoding": "br" }))).toBe(415);
    expect(await status(post(good, { "content-type": "text/plain" }))).toBe(415);
    expect(await status(post(good, {}, "/v1/profiles"))).toBe(404);
    expect(await status(post(good, {}, "/v1/traces", "GET"))).toBe(405);
    expect(await status(post(new Uint8Array(4 * 1024 * 1024 + 1)))).toBe(413);
    expect(await status(post(gzipSync(new Uint8Array(64 * 1024 * 1024)), { "content-encoding": "gzip" }))).toBe(413);
    expect(received).toEqual([]);
    expect(await status(post(good))).toBe(200);
    expect(received).toHaveLength(1);
  });

  test("answers errors with a google.rpc.Status that hides the error of onSpans", async () => {
    const malformed = await post(Buffer.from("{"), { "content-type": "application/json" });
    expect(await malformed.text()).toMatch(/^\{"code":3,"message":"malformed OTLP request: /);
    const broken = await post(json(requestOf(sampleSpan({ name: "break" }))), { "content-type": "application/json" });
    expect([broken.status, await broken.text()]).toEqual([500, '{"code":13,"message":"the receiver failed"}']);
    const binary = Buffer.from(await (await post(Buffer.from([0x08]))).arrayBuffer());
    expect([...binary.subarray(0, 3)]).toEqual([0x08, 3, 0x12]);
    expect(binary[3]).toBe(binary.length - 4);
  });

  test("a port in use is an error", async () => {
    await expect(startReceiver({ port: receiver.port, onSpans: () => undefined })).rejects.toMatchObject({
      kind: "telemetry.receiver_unavailable",
    });
  });

  test("close closes open connections", async () => {
    const other = await startReceiver({ onSpans: () => undefined });
    const hanging = fetch(`${other.url}/v1/traces`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: new ReadableStream({ start: (c) => c.enqueue(Buffer.from("{")) }),
      duplex: "half",
    });
    const ended = hanging.then(
      () => "answered",
      () => "cut",
    );
    await fetch(`${other.url}/`);
    await other.close();
    expect(await ended).toBe("cut");
  });
});
