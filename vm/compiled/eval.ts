/**
 * The only place where text becomes code. `generate.ts` writes the text; values of the program are never part of it, they
 * are passed in as parameters.
 */

/** Whether code from text is allowed. A content security policy or a flag of the process can forbid it. */
export const CAN_GENERATE: boolean = (() => {
  try {
    return codeFromText("return true", [], []) === true;
  } catch {
    return false;
  }
})();

/** Runs the text as the body of a function with these parameters and returns its result. Throws `EvalError` if that is forbidden. */
export function codeFromText(text: string, names: readonly string[], values: readonly unknown[]): unknown {
  // oxlint-disable-next-line typescript/no-implied-eval -- an engine that generates code needs it
  const body: unknown = new Function(...names, text);
  return typeof body === "function" ? Reflect.apply(body, undefined, values) : undefined;
}
