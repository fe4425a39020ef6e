/** Replaces `vm/compiled/engine.ts` in the page, which must not generate code. The interpreter runs everything. */
export const Engine = { for: (): undefined => undefined };
