import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatTraceparent, incomingContext, parseBaggage, parseTraceparent, parseTracestate } from "../../telemetry/context.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";
const PARENT = `00-${TRACE}-${SPAN}-01`;
const arbitraryHex = (length: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(..."0123456789abcdef".split("")), minLength: length, maxLength: length });

describe("traceparent", () => {
  test("the examples of the W3C", () => {
    expect(parseTraceparent(PARENT)).toEqual({ traceId: TRACE, spanId: SPAN, sampled: true });
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-00`)?.sampled).toBe(false);
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-ff`)?.sampled).toBe(true);
    expect(parseTraceparent(` \t${PARENT} `)).toBeDefined();
    // A later version may have more fields after a dash.
    expect(parseTraceparent(`cc-${TRACE}-${SPAN}-01`)).toBeDefined();
    expect(parseTraceparent(`cc-${TRACE}-${SPAN}-01-what-the-future-will-be-like`)).toBeDefined();
  });

  test.each([
    "",
    "00",
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
    `00-${TRACE}-${SPAN}-01-`,
    `cc-${TRACE}-${SPAN}-01.more`,
    `cc-${TRACE}-${SPAN}-0100`,
    `00-${"0".repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${"0".repeat(16)}-01`,
    PARENT.toUpperCase(),
    `00-${TRACE.slice(1)}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-1`,
    `00-${TRACE}-${SPAN}-0g`,
    `${PARENT},${PARENT}`,
    `00_${TRACE}_${SPAN}_01`,
    `\n${PARENT}`,
    `cc-${TRACE}-${SPAN}-01-${"x".repeat(600)}`,
  ])("malformed: %j", (header) => {
    expect(parseTraceparent(header)).toBeUndefined();
  });

  test("a formatted traceparent parses to the same context", () => {
    const ids = fc
      .record({ traceId: arbitraryHex(32), spanId: arbitraryHex(16), sampled: fc.boolean() })
      .filter((c) => /[^0]/.test(c.traceId) && /[^0]/.test(c.spanId));
    fc.assert(
      fc.property(ids, (context) => {
        expect(parseTraceparent(formatTraceparent(context))).toEqual(context);
      }),
    );
  });

  test("no text makes a parser throw", () => {
    fc.assert(
      fc.property(fc.string(), (header) => {
        parseTraceparent(header);
        parseTracestate(header);
        parseBaggage(header);
      }),
    );
  });
});

describe("tracestate", () => {
  test.each([
    ["rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"],
    [" a=1 ,, \tb=x y ,", "a=1,b=x y"],
    ["1tenant@sys=v", "1tenant@sys=v"],
    ["a/b*c-d_e=!", "a/b*c-d_e=!"],
  ])("well-formed: %j", (header, list) => {
    expect(parseTracestate(header)).toBe(list);
  });

  test.each([
    "",
    ",",
    "a",
    "=1",
    "A=1",
    "1a=1",
    "a=",
    "a=1,a=2",
    "a=1,b",
    "a=ü",
    "a=x=y",
    "a@B=1",
    `a=${"x".repeat(257)}`,
    `${"a".repeat(257)}=1`,
  ])("nothing: %j", (header) => {
    expect(parseTracestate(header)).toBeUndefined();
  });

  test("32 members are accepted, 33 are not", () => {
    const members = (count: number): string => Array.from({ length: count }, (_, i) => `k${i}=v`).join(",");
    expect(parseTracestate(members(32))).toBe(members(32));
    expect(parseTracestate(members(33))).toBeUndefined();
  });

  test("a list that is too long loses its long members first, then members from the end; members are never cut", () => {
    const long = `long=${"x".repeat(200)}`;
    const short = (name: string): string => `${name}=${"y".repeat(100)}`;
    const list = [long, ...["a", "b", "c", "d", "e"].map(short)].join(",");
    expect(parseTracestate(list)).toBe(["a", "b", "c", "d", "e"].slice(0, 4).map(short).join(","));
  });
});

describe("baggage", () => {
  test("well-formed", () => {
    expect(parseBaggage("a=1, b = two%20words ;p=1;q ,c=")).toEqual([
      { key: "a", value: "1" },
      { key: "b", value: "two words", metadata: "p=1;q" },
      { key: "c", value: "" },
    ]);
    expect(parseBaggage("a=1,a=2")).toEqual([{ key: "a", value: "2" }]);
  });

  test.each([
    "",
    "a",
    "=1",
    "a b=1",
    "a=1,",
    'a="x"',
    "a=%zz",
    "a=%ff",
    "a=\u0007",
    `a=${"x".repeat(9000)}`,
    Array.from({ length: 65 }, (_, i) => `k${i}=1`).join(","),
  ])("nothing: %#", (header) => {
    expect(parseBaggage(header)).toBeUndefined();
  });
});

describe("the source of the context", () => {
  const environment = { TRACEPARENT: PARENT, TRACESTATE: "env=1", BAGGAGE: "k=env" };
  const own = `00-${"1".repeat(32)}-${"2".repeat(16)}-01`;

  test("options take precedence over the environment and have their own tracestate", () => {
    expect(incomingContext({}, environment)).toEqual({ traceparent: PARENT, tracestate: "env=1", baggage: "k=env" });
    expect(incomingContext({ traceparent: own }, environment)).toEqual({ traceparent: own, baggage: "k=env" });
    expect(incomingContext({ traceparent: own, tracestate: "own=1", baggage: "k=own" }, environment)).toEqual({
      traceparent: own,
      tracestate: "own=1",
      baggage: "k=own",
    });
  });

  test("malformed values are ignored", () => {
    expect(incomingContext({ traceparent: "nonsense", tracestate: "own=1" }, environment)).toEqual({
      traceparent: PARENT,
      tracestate: "env=1",
      baggage: "k=env",
    });
    expect(incomingContext({}, { TRACEPARENT: "x", TRACESTATE: "a=1", BAGGAGE: "\n" })).toEqual({});
    expect(incomingContext({}, { TRACEPARENT: PARENT, TRACESTATE: "A=1" })).toEqual({ traceparent: PARENT });
    expect(incomingContext({}, {})).toEqual({});
  });

  test("disabled propagators read nothing", () => {
    expect(incomingContext({}, environment, { tracecontext: false, baggage: true })).toEqual({ baggage: "k=env" });
    expect(incomingContext({}, environment, { tracecontext: true, baggage: false })).toEqual({ traceparent: PARENT, tracestate: "env=1" });
  });
});
