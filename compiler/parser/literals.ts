/** The values of number tokens. */
import type { Token } from "../tokens.ts";
import type { Cursor } from "./cursor.ts";

const INT_MAX = 9_223_372_036_854_775_807n;
const INT_MIN_MAGNITUDE = "9223372036854775808";
const INT_DIGITS = 19;

/** Whether the token is 2^63, which is an Int only after `-`. */
export function isMinMagnitude(token: Token): boolean {
  return token.kind === "int" && withoutZeros(token.value) === INT_MIN_MAGNITUDE;
}

/** Takes an Int token. Reports a value above 2^63 - 1 and returns that instead. */
export function takeInt(c: Cursor): bigint {
  const token = c.token;
  const digits = withoutZeros(token.value);
  const value = digits.length > INT_DIGITS ? INT_MAX + 1n : BigInt(digits);
  if (value > INT_MAX) {
    c.report("E001", token, "this Int is too large", {
      help: "an Int is between -9223372036854775808 and 9223372036854775807; for larger numbers use Float",
    });
  }
  c.next();
  return value > INT_MAX ? INT_MAX : value;
}

/** Takes a Float token. The lexer has reported values that are too large. */
export function takeFloat(c: Cursor): number {
  const value = Number(c.next().value);
  return Number.isFinite(value) ? value : Number.MAX_VALUE;
}

function withoutZeros(digits: string): string {
  return digits.replace(/^0+(?=[0-9])/, "");
}
