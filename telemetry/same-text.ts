import { createHash, timingSafeEqual } from "node:crypto";

/** Compares secrets in a time that does not depend on where the texts differ. */
export function isSameText(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
