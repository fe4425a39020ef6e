import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { atan2, loadElementaryFunctions } from "../../../vm/value/elementary.ts";
import { ELEMENTARY_FUNCTIONS } from "../../../vm/value/elementary-functions.ts";
import { allImports, ROOT } from "../../repo/imports.ts";
import { Choices } from "../hostile/hostile.ts";

/** A Float of any size and sign: random bits, without NaN and infinities. */
function anyFloat(choices: Choices): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setUint32(0, choices.below(2 ** 32));
  view.setUint32(4, choices.below(2 ** 32));
  const value = view.getFloat64(0);
  return Number.isFinite(value) ? value : 1;
}

/** Arguments of all sizes, most of them of a size at which the functions differ from 0, 1 and infinity. */
function argumentsFor(count: number): readonly (readonly [number, number])[] {
  const choices = new Choices(39);
  const usual = (): number => (choices.below(2 ** 32) / 2 ** 32 - 0.5) * 2 ** (choices.below(12) - 2);
  return Array.from({ length: count }, (_, i) => (i % 4 === 0 ? [anyFloat(choices), anyFloat(choices)] : [usual(), usual()]));
}

await loadElementaryFunctions();
const FUNCTIONS = { ...ELEMENTARY_FUNCTIONS, atan2 };
const ARGUMENTS = argumentsFor(20_000);

/** The hash of the bits of all results. It is the same on every host and for ever: a log holds such results. */
const BITS: Readonly<Record<string, string>> = {
  exp: "f5eea9d18baade72",
  log: "d6e7f87ad5b1a2a9",
  log2: "8c26d1451111a14c",
  log10: "5931d4c8d71d46ab",
  pow: "f6f5a89a57be2150",
  sin: "38f53a343e7664a7",
  cos: "556ad2f07c201870",
  tan: "54fce82608c4e9fb",
  asin: "cec812b74419b6ca",
  acos: "b734a8d8b41d714a",
  atan: "f805080bf823d738",
  atan2: "4344f8902493c2e8",
};

test.each(Object.entries(FUNCTIONS))("%s has the same bits on every host", (name, compute) => {
  const results = new DataView(new ArrayBuffer(8 * ARGUMENTS.length));
  ARGUMENTS.forEach(([x, y], i) => {
    const result = compute(x, y);
    // The bits of NaN are not visible to programs.
    results.setFloat64(8 * i, Number.isNaN(result) ? 0 : result);
  });
  expect(createHash("sha256").update(results).digest("hex").slice(0, 16)).toBe(BITS[name]);
});

test.each(Object.entries(FUNCTIONS))("%s is close to the host's function", (name, compute) => {
  const hosts = Object.entries(Object.getOwnPropertyDescriptors(Math)).find(([own]) => own === name)?.[1].value;
  for (const [x, y] of ARGUMENTS) {
    const expected: number = hosts(x, y);
    const found = compute(x, y);
    if (Object.is(found, expected)) continue;
    // A result near 0 or 2^1024 may be rounded to either side.
    expect(Math.abs(found - expected), `${name}(${x}, ${y})`).toBeLessThanOrEqual(Math.abs(expected) * 2 ** -50 + 2 ** -1070);
  }
});

test("atan2 agrees with the host at zeros and infinities", () => {
  const special = [0, -0, 1, -1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 1e308, -1e-308];
  for (const y of special) for (const x of special) expect(atan2(y, x), `atan2(${y}, ${x})`).toBe(Math.atan2(y, x));
});

test("logarithms of powers are exact", () => {
  for (let i = -1074; i < 1024; i++) expect(ELEMENTARY_FUNCTIONS.log2(2 ** i)).toBe(i);
  for (let i = 0; i < 309; i++) expect(ELEMENTARY_FUNCTIONS.log10(Number(`1e${i}`))).toBe(i);
});

test("the functions use no operation whose bits depend on the host", () => {
  const text = readFileSync(join(ROOT, "vm/value/elementary-functions.ts"), "utf8");
  expect(new Set(text.replace(/^\/\*\*.*?\*\//ms, "").match(/\bMath\b.\w*/g))).toEqual(
    new Set(["Math.abs", "Math.ceil", "Math.floor", "Math.round", "Math.sqrt"]),
  );
  expect(text).not.toMatch(/\*\*[^/*]*[a-z0-9]\s*;/);
  expect(text).not.toMatch(/\b(?:process|globalThis|require|eval|Function)\b\(/);
});

test("the functions are loaded only when a program needs them", () => {
  const edges = allImports().filter((edge) => edge.to === "vm/value/elementary-functions.ts");
  expect(edges.map(({ from, kind }) => `${from} ${kind}`).toSorted()).toEqual([
    "vm/value/elementary.ts dynamic",
    "vm/value/elementary.ts type",
  ]);
});
