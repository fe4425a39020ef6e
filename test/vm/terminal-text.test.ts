import { describe, expect, test } from "vitest";
import { replaceUnsafe } from "../../vm/terminal-text.ts";

describe("replaceUnsafe", () => {
  test.each([
    ["controls", "a\u001b[31m\u0007\n\u009b", String.raw`a\u{1b}[31m\u{7}\u{a}\u{9b}`],
    ["line separators", "\u2028\u2029", String.raw`\u{2028}\u{2029}`],
    ["direction marks", "\u061c\u200e\u202e\u2069", String.raw`\u{61c}\u{200e}\u{202e}\u{2069}`],
    ["a byte order mark", "\ufeff", String.raw`\u{feff}`],
  ])("escapes %s", (_, text, expected) => {
    expect(replaceUnsafe(text)).toBe(expected);
  });

  test("keeps text of every script and joined emoji", () => {
    const text = "häß 漢字 می‌خواهم 👩‍💻";
    expect(replaceUnsafe(text)).toBe(text);
  });

  test("takes another replacement", () => {
    expect(replaceUnsafe("a\tb\u001b", (c) => (c === "\t" ? c : "?"))).toBe("a\tb?");
  });
});
