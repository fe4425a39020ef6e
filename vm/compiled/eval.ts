/** The one place where text becomes code. The text is `generate.ts`'s own; values come in by `names` and `values`. */

/** Whether the host allows it: a content security policy or a switch of the process may not. */
export const CAN_GENERATE: boolean = (() => {
  try {
    return codeFromText("return true", [], []) === true;
  } catch {
    return false;
  }
})();

/** What the text returns, run as the body of a function with these parameters. Throws `EvalError` where that is forbidden. */
export function codeFromText(text: string, names: readonly string[], values: readonly unknown[]): unknown {
  // oxlint-disable-next-line typescript/no-implied-eval -- this is what an engine that generates code does
  const body: unknown = new Function(...names, text);
  return typeof body === "function" ? Reflect.apply(body, undefined, values) : undefined;
}
