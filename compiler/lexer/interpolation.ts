/** Recognizes the interpolation of other languages, `${x}`, in the source of a string, and rewrites it. */

/** A hole `${name.field}`, an escape, or a brace. */
const PARTS = /\$\{([A-Za-z_]\w*)((?:\.[A-Za-z_]\w*)*)\}|\\(?:u\{[^}"]*\}|[^])|[{}]/g;

/** Returns the names at the start of the holes `${name}` and `${name.field}` in the source of a string. */
export function interpolatedNames(source: string): readonly string[] {
  return [...source.matchAll(PARTS)].flatMap(([, name]) => (name === undefined ? [] : [name]));
}

/** Returns the source of a string as that of a text with holes: `${x}` becomes `{x}`, and any other brace is doubled. */
export function interpolation(source: string): string {
  return source.replace(PARTS, (part: string, name: string | undefined, fields: string | undefined) =>
    name !== undefined ? `{${name}${fields ?? ""}}` : part.startsWith("\\") ? part : part + part,
  );
}
