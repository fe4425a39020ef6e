/**
 * The only file that turns text into code. `generate.ts` writes the text. Values of the program are never part of the text; the code gets
 * them as parameters.
 */

let isAllowed: boolean | undefined;

/**
 * Whether the process may turn text into code. A content security policy or a command-line flag can forbid that. Only the first call tries
 * it, because a browser reports every attempt against its policy.
 */
export function canGenerate(): boolean {
  isAllowed ??= tryToGenerate();
  return isAllowed;
}

function tryToGenerate(): boolean {
  try {
    return codeFromText("return true", [], []) === true;
  } catch {
    return false;
  }
}

/**
 * Runs the text as the body of a function whose parameters have these names and values, and returns the result. Throws
 * `EvalError` if that is forbidden.
 */
export function codeFromText(text: string, names: readonly string[], values: readonly unknown[]): unknown {
  // oxlint-disable-next-line typescript/no-implied-eval -- an engine that generates code needs it
  const body: unknown = new Function(...names, text);
  return typeof body === "function" ? Reflect.apply(body, undefined, values) : undefined;
}
