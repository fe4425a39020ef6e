import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BorunaError } from "../../../vm/error.ts";
import { canonicalJson, isJsonObject, type JsonData, parseJson } from "../../../vm/json/json.ts";
import { compareUtf8 } from "../../../vm/value/utf8.ts";
import { FloatValue, replaceLoneSurrogates } from "../../../vm/value/value.ts";
import { scaledRuns } from "../../cases.ts";
import { DEEP, errorKind, anyJson, anyUtf16 } from "../arbitrary.ts";

describe("parseJson", () => {
  test.each<[string, JsonData]>([
    ["9223372036854775807", 9223372036854775807n],
    ["-9223372036854775808", -9223372036854775808n],
    ["9007199254740991", 9007199254740991],
    ["9007199254740993", 9007199254740993n],
    ["-0", 0],
    ["1.0", new FloatValue(1)],
    ["-0.0", new FloatValue(-0)],
    ["1e2", new FloatValue(100)],
    ["1E-7", new FloatValue(1e-7)],
    [' [ 1 , "a" , null ] \n', [1, "a", null]],
    ['"\\ud83d\\ude00\\u0041\\/"', "\u{1f600}A/"],
    ['"\\ud83d"', "\ufffd"],
    ['"\\"\\\\"', '"\\'],
    ['{"__proto__":{"a":1}}', new Map([["__proto__", new Map([["a", 1]])]])],
  ])("%s", (text, expected) => {
    expect(parseJson(text)).toEqual(expected);
  });

  test("can distinguish -0", () => {
    const float = parseJson("-0.0");
    expect(float instanceof FloatValue && Object.is(float.value, -0)).toBe(true);
    expect(Object.is(parseJson("-0"), 0)).toBe(true);
  });

  test.each([
    ["", "json.syntax"],
    ["{", "json.syntax"],
    ["[1,]", "json.syntax"],
    ['{"a":1,}', "json.syntax"],
    ["[1 2]", "json.syntax"],
    ["01", "json.syntax"],
    ["1.", "json.syntax"],
    ["-", "json.syntax"],
    ["+1", "json.syntax"],
    ["NaN", "json.syntax"],
    ["nul", "json.syntax"],
    ["1 1", "json.syntax"],
    ["'a'", "json.syntax"],
    ['"a', "json.syntax"],
    ['"\\', "json.syntax"],
    ['"\\"', "json.syntax"],
    ['"\\x"', "json.syntax"],
    ['"\\u12g4"', "json.syntax"],
    ['"\\u12"', "json.syntax"],
    ['"\n"', "json.syntax"],
    ["{1:2}", "json.syntax"],
    ["\ufeff1", "json.syntax"],
    ['{"a":1,"a":2}', "json.duplicate_key"],
    ["1e999", "json.number"],
    ["1".repeat(401), "json.number"],
    [`${"[".repeat(257)}${"]".repeat(257)}`, "json.depth"],
    ["[".repeat(DEEP), "json.depth"],
    ['{"a":'.repeat(DEEP), "json.depth"],
  ])("refuses %#", (text, kind) => {
    expect(errorKind(() => parseJson(text))).toBe(kind);
  });

  test("just inside the limits", () => {
    expect(errorKind(() => parseJson(`${"[".repeat(256)}${"]".repeat(256)}`))).toBeUndefined();
    expect(parseJson("1".repeat(400))).toBe(BigInt("1".repeat(400)));
    expect(errorKind(() => parseJson("[[],[],[]]", { maxBytes: 304 }))).toBeUndefined();
    expect(errorKind(() => parseJson("[[],[],[]]", { maxBytes: 303 }))).toBe("json.too_large");
  });

  test("the last of two members wins when asked", () => {
    expect(parseJson('{"a":1,"a":2}', { duplicateKeys: "last" })).toEqual(new Map([["a", 2]]));
  });

  test("counts columns in code points", () => {
    expect(() => parseJson('{\n "\u{1f600}": x}')).toThrow(expect.objectContaining({ place: { line: 2, column: 7 } }));
  });

  test("accepts the same texts as JSON.parse", () => {
    const fragment = fc.constantFrom("{", "}", "[", "]", ",", ":", '"', '"a"', "1", "-", "0", ".5", "e3", "true", "null", " ", "\\", "\n");
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(fragment, { maxLength: 12 }).map((parts) => parts.join("")),
          fc.json(),
          fc.string(),
        ),
        (source) => {
          let native = true;
          try {
            JSON.parse(source);
          } catch {
            native = false;
          }
          const kind = errorKind(() => parseJson(source, { duplicateKeys: "last" }));
          expect(kind === undefined || kind === "json.number").toBe(native);
        },
      ),
      { numRuns: scaledRuns(2_000) },
    );
  });

  test("any text is data or throws a typed error", () => {
    fc.assert(
      fc.property(anyUtf16, (source) => {
        const kind = errorKind(() => parseJson(source));
        expect(kind === undefined || kind.startsWith("json.")).toBe(true);
      }),
    );
  });

  test("text read back is well formed", () => {
    fc.assert(
      fc.property(anyUtf16, (raw) => {
        expect(parseJson(JSON.stringify(raw))).toBe(replaceLoneSurrogates(raw));
        expect(parseJson(`"${raw.replace(/["\\\p{Cc}]/gu, "")}"`)).toBe(replaceLoneSurrogates(raw.replace(/["\\\p{Cc}]/gu, "")));
      }),
    );
  });
});

describe("canonicalJson", () => {
  test.each<[JsonData, string]>([
    [new FloatValue(1), "1.0"],
    [new FloatValue(-0), "-0.0"],
    [new FloatValue(1e21), "1e21"],
    [new FloatValue(1e-7), "1e-7"],
    [new FloatValue(0.1), "0.1"],
    [new FloatValue(123456789012345680000), "123456789012345680000.0"],
    [9223372036854775807n, "9223372036854775807"],
    [[], "[]"],
    [new Map(), "{}"],
    [[1, [null, true], "\u0001\u{1f600}"], '[1,[null,true],"\\u0001\u{1f600}"]'],
    [
      new Map<string, JsonData>([
        ["\uffff", 1],
        ["\u{10000}", 2],
        ["b", []],
        ["a", new Map([["x", null]])],
      ]),
      '{"a":{"x":null},"b":[],"\uffff":1,"\u{10000}":2}',
    ],
  ])("%#", (data, expected) => {
    expect(canonicalJson(data)).toBe(expected);
  });

  test("refuses a Float that is not finite", () => {
    expect(errorKind(() => canonicalJson(new FloatValue(Number.NaN)))).toBe("value.not_finite");
    expect(errorKind(() => canonicalJson([new FloatValue(Number.POSITIVE_INFINITY)]))).toBe("value.not_finite");
  });

  test("deep nesting does not overflow the stack", () => {
    let data: JsonData = null;
    for (let i = 0; i < DEEP; i++) data = [data];
    expect(canonicalJson(data).length).toBe(2 * DEEP + 4);
  });

  test("reads back as the same data, and writing that is a fixed point", () => {
    fc.assert(
      fc.property(anyJson, (data) => {
        const written = canonicalJson(data);
        const read = parseJson(written);
        expect(read).toEqual(data);
        expect(canonicalJson(read)).toBe(written);
      }),
      { numRuns: scaledRuns(1_000) },
    );
  });

  test("members are in the order of their UTF-8 bytes", () => {
    fc.assert(
      fc.property(fc.uniqueArray(anyUtf16.map(replaceLoneSurrogates)), (keys) => {
        const read = parseJson(canonicalJson(new Map(keys.map((key) => [key, 1]))));
        const sorted = [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
        expect(isJsonObject(read) ? [...read.keys()] : undefined).toEqual(sorted);
        expect([...keys].sort(compareUtf8)).toEqual(sorted);
      }),
    );
  });
});

test("errors are BorunaErrors", () => {
  expect(() => parseJson("{")).toThrow(BorunaError);
});
