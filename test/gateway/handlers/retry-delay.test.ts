import { expect, test } from "vitest";
import { retryDelay } from "../../../gateway/handlers/retry-delay.ts";

const NOW = Date.parse("Sun, 06 Nov 1994 08:49:37 GMT");

test.each<[number, string | undefined, number, number | undefined]>([
  [1, undefined, 0, 250],
  [1, undefined, 0.999, 499.75],
  [3, undefined, 0, 1_000],
  [100, undefined, 0.5, 45_000],
  [1, "2", 0, 2_000],
  [1, "2", 0.5, 2_250],
  [1, "0", 0, 0],
  [1, "60", 0, 60_000],
  [1, "61", 0, undefined],
  [1, "999999999999999", 0, undefined],
  [1, "Sun, 06 Nov 1994 08:49:47 GMT", 0, 10_000],
  [1, "Sun, 06 Nov 1994 08:49:27 GMT", 0, 0],
  [1, "Mon, 07 Nov 1994 08:49:27 GMT", 0, undefined],
  [1, "soon", 0, 250],
  [1, "-1", 0, 250],
  [1, "1.5", 0, 250],
  [1, "1994", 0, undefined],
])("attempt %i, retry-after %s, random %f: %s ms", (attempt, retryAfter, random, delay) => {
  expect(retryDelay(attempt, retryAfter, random, NOW)).toBe(delay);
});
