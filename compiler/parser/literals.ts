/** Values of number tokens. */
import type { Token } from "../tokens.ts";
import type { Cursor } from "./cursor.ts";

const INT_MAX = 9_223_372_036_854_775_807n;
const INT_MIN_MAGNITUDE = "9223372036854775808";
const INT_DIGITS = 19;

/** True for the digits of 2^63, which only a `-` before them makes an Int. */
export function isMinMagnitude(token: Token): boolean {
  return token.kind === "int" && withoutZeros(token.value) === INT_MIN_MAGNITUDE;
}

/** Takes the Int token; one that does not fit i64 is told and becomes the nearest that does. */
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

/** Takes the Float token. The lexer has told when it is not finite. */
export function takeFloat(c: Cursor): number {
  const value = Number(c.next().value);
  return Number.isFinite(value) ? value : Number.MAX_VALUE;
}

function withoutZeros(digits: string): string {
  return digits.replace(/^0+(?=[0-9])/, "");
}
