/** Is in the place of `vm/compiled/engine.ts` in the page, which may not generate code: the interpreter runs everything. */
export const Engine = { for: (): undefined => undefined };
