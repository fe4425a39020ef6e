/** Makes the help for an unknown name, with a fix that replaces the name. */
import { nearest } from "../../vm/nearest.ts";
import type { Name } from "../ast.ts";
import type { DiagnosticExtras } from "../diagnostics.ts";
import type { WordHint } from "../other-languages.ts";
import type { SourceUnit } from "../scope.ts";

/** Returns help and a fix that propose the replacement; empty if there is no replacement. */
export function didYouMean(name: Name, replacement: string | undefined): DiagnosticExtras {
  if (replacement === undefined) return {};
  return {
    help: `did you mean \`${replacement}\`?`,
    fixes: [{ title: `replace with \`${replacement}\``, edits: [{ span: name.span, text: replacement }] }],
  };
}

/**
 * Proposes the candidate whose spelling is nearest. If no candidate is near, the help is `otherwise`. The candidates are
 * not searched once the file's diagnostics are full, because a search for each unknown name would take quadratic time.
 */
export function suggestNearest(unit: SourceUnit, name: Name, candidates: () => Iterable<string>, otherwise?: string): DiagnosticExtras {
  const nearestName = unit.diagnostics.isFull ? undefined : nearest(name.text, candidates());
  return nearestName === undefined ? { help: otherwise } : didYouMean(name, nearestName);
}

/** Returns the help for a word of another language, with a fix if one word replaces that word. */
export function hintExtras(name: Name, hint: WordHint | undefined): DiagnosticExtras | undefined {
  if (hint?.replacement === undefined) return hint;
  const title = `replace with \`${hint.replacement}\``;
  return { help: hint.help, fixes: [{ title, edits: [{ span: name.span, text: hint.replacement }] }] };
}

const BUILTIN_VARIANTS: ReadonlyMap<string, readonly string[]> = new Map([
  ["Option", ["Some", "None"]],
  ["Result", ["Ok", "Err"]],
]);

/** Returns help for `Option::Some` and the like, because these variants are written without the name of their enum. */
export function unprefixedVariantHelp(enumName: Name, variant: Name): DiagnosticExtras | undefined {
  if (BUILTIN_VARIANTS.get(enumName.text)?.includes(variant.text) !== true) return undefined;
  return {
    help: `write \`${variant.text}\`, without \`${enumName.text}::\``,
    fixes: [{ title: `write \`${variant.text}\``, edits: [{ span: { start: enumName.span.start, end: variant.span.start }, text: "" }] }],
  };
}

/** Returns help for the pattern `x :: rest`, with which other languages match the first element of a list and the rest. */
export function consPatternHelp(first: Name, rest: Name): DiagnosticExtras {
  const pattern = `[${first.text}, ..${rest.text}]`;
  const span = { start: first.span.start, end: rest.span.end };
  return {
    help: `the first element of a list and the others are \`${pattern}\``,
    fixes: [{ title: `write \`${pattern}\``, edits: [{ span, text: pattern }] }],
  };
}
