/** Replaces `vm/snapshot/snapshot.ts` in the page, which does not continue a suspended run: it only shows the call that waits. */
import { BorunaError } from "../vm/error.ts";

export const encodeState = (): Uint8Array => new Uint8Array();

export function decodeState(): never {
  throw new BorunaError("internal", "the page continues no run");
}
