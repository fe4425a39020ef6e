/** Recognizes `${x}`, the interpolation of other languages, in the source of a string, and rewrites it for `f"…"`. */

/** `${name.field}`, an escape, or a brace. */
const PARTS = /\$\{([A-Za-z_]\w*)((?:\.[A-Za-z_]\w*)*)\}|\\(?:u\{[^}"]*\}|[^])|[{}]/g;

/** Returns the names in each `${name}` and `${name.field}` in the source of a string: `["name"]`, `["name", "field"]`. */
export function interpolatedPaths(source: string): readonly (readonly [name: string, ...fields: string[]])[] {
  return [...source.matchAll(PARTS)].flatMap(([, name, fields = ""]) =>
    name === undefined ? [] : [[name, ...fields.split(".").slice(1)]],
  );
}

/** Rewrites the source of a string for `f"…"`: `${x}` becomes `{x}`, and any other brace is doubled. */
export function rewriteInterpolation(source: string): string {
  return source.replace(PARTS, (part: string, name: string | undefined, fields: string | undefined) =>
    name !== undefined ? `{${name}${fields ?? ""}}` : part.startsWith("\\") ? part : part + part,
  );
}
