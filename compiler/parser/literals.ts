/** Parses the values of number tokens. */
import { type IntValue, intFromBigInt } from "../../vm/value/value.ts";
import type { Token } from "../tokens.ts";
import type { Cursor } from "./cursor.ts";

const MAX_INT = 9_223_372_036_854_775_807n;
const INT_MIN_MAGNITUDE = "9223372036854775808";
/** The number of digits of the largest Int. */
const MAX_INT_DIGITS = 19;
/** Every Int with this number of digits is a safe integer. */
const SAFE_DIGITS = 15;

/** Whether the token is 2^63, which is an Int only after `-`. */
export function isMinMagnitude(token: Token): boolean {
  return token.kind === "int" && withoutLeadingZeros(token.value) === INT_MIN_MAGNITUDE;
}

/** Takes an Int token and returns its value. Reports a larger value than 2^63 - 1 and returns 2^63 - 1 instead. */
export function takeInt(c: Cursor): IntValue {
  const token = c.token;
  const digits = withoutLeadingZeros(token.value);
  if (digits.length <= SAFE_DIGITS) {
    c.next();
    return Number(digits);
  }
  const value = digits.length > MAX_INT_DIGITS ? MAX_INT + 1n : BigInt(digits);
  if (value > MAX_INT) {
    c.report("E001", token, "this Int is too large", {
      help: "an Int is between -9223372036854775808 and 9223372036854775807; for larger numbers use Float",
    });
  }
  c.next();
  return value > MAX_INT ? MAX_INT : intFromBigInt(value);
}

/** Takes a Float token and returns its value. The lexer has already reported a value that is too large. */
export function takeFloat(c: Cursor): number {
  const value = Number(c.next().value);
  return Number.isFinite(value) ? value : Number.MAX_VALUE;
}

function withoutLeadingZeros(digits: string): string {
  return digits.startsWith("0") ? digits.replace(/^0+(?=[0-9])/, "") : digits;
}
