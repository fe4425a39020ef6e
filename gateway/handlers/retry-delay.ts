/** Says how long to wait before a request is sent again. */

const FIRST_DELAY_MS = 500;
/** Limit on the wait before an attempt, without the jitter. */
const MAX_DELAY_MS = 60_000;

/**
 * Returns the milliseconds to wait after the `attempt`-th attempt (from 1), or undefined if `retry-after` asks for more than a minute.
 * Without that header, the wait is 0.25 to 0.5 seconds after the first attempt and doubles with each further one, up to a minute. With the
 * header, the wait is the header's time plus up to 0.5 seconds. A part of the wait is random, so that runs that failed together do not
 * retry together.
 *
 * @param random a number in [0, 1)
 * @param now milliseconds since 1970
 */
export function retryDelay(attempt: number, retryAfter: string | undefined, random: number, now: number): number | undefined {
  const requestedMs = retryAfter === undefined ? undefined : retryAfterMs(retryAfter, now);
  if (requestedMs === undefined) {
    const longest = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (attempt - 1));
    return longest / 2 + (longest / 2) * random;
  }
  return requestedMs > MAX_DELAY_MS ? undefined : requestedMs + FIRST_DELAY_MS * random;
}

/** Reads the header (RFC 9110, 10.2.3): seconds, or a date. Returns milliseconds, or undefined if it is neither. */
function retryAfterMs(header: string, now: number): number | undefined {
  if (/^[0-9]{1,15}$/.test(header)) return Number(header) * 1_000;
  const date = /^[A-Za-z]{3}, [0-9]{2} [A-Za-z]{3} [0-9]{4} [0-9:]{8} GMT$/.test(header) ? Date.parse(header) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
