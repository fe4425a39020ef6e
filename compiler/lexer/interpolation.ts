/** Recognizes `${x}`, the interpolation of other languages, in the source of a string, and rewrites it for `f"…"`. */

/** `${name.field}`, an escape, or a brace. */
const PARTS = /\$\{([A-Za-z_]\w*)((?:\.[A-Za-z_]\w*)*)\}|\\(?:u\{[^}"]*\}|[^])|[{}]/g;

/** Returns the `name` of each `${name}` and `${name.field}` in the source of a string. */
export function interpolatedNames(source: string): readonly string[] {
  return [...source.matchAll(PARTS)].flatMap(([, name]) => (name === undefined ? [] : [name]));
}

/** Rewrites the source of a string for `f"…"`: `${x}` becomes `{x}`, and any other brace is doubled. */
export function rewriteInterpolation(source: string): string {
  return source.replace(PARTS, (part: string, name: string | undefined, fields: string | undefined) =>
    name !== undefined ? `{${name}${fields ?? ""}}` : part.startsWith("\\") ? part : part + part,
  );
}
