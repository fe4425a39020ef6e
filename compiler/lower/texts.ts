/** Rewrites an interpolated string, `f"a{x}b"`, as calls of `string.join`. */
import type { BuiltinDecl } from "../../vm/builtins/decl.ts";
import { BUILTIN_BY_NAME } from "../../vm/builtins/builtin-table.ts";
import { BorunaError } from "../../vm/error.ts";
import { type CheckedType, prune } from "../check-types.ts";
import type { Ir } from "../ir.ts";

/**
 * Returns IR that joins the parts of an interpolated string. More than `maxParts` parts are joined in groups, and then the results are joined.
 * One long list would be built in pieces, each of which copies the pieces before it.
 */
export function joinedText({ parts, span }: Ir & { kind: "text" }, maxParts: number): Ir {
  const join = (items: readonly Ir[]): Ir => {
    const args: readonly Ir[] = [
      { kind: "list", items, span },
      { kind: "const", value: "", span },
    ];
    return { kind: "builtin", builtin: builtinNamed("string.join"), args, typeArg: null, span };
  };
  let pieces = parts.map(({ value, type }) => asText(value, type));
  const [only, second] = pieces;
  if (only !== undefined && second === undefined) return only;
  while (pieces.length > maxParts) {
    const longer = pieces;
    pieces = Array.from({ length: Math.ceil(longer.length / maxParts) }, (_, i) => join(longer.slice(i * maxParts, (i + 1) * maxParts)));
  }
  return join(pieces);
}

/** Returns IR that converts a value to text. Numbers and Bools use their `to_string`, which runs in compiled code; other values use `string.inspect`. */
function asText(value: Ir, type: CheckedType): Ir {
  // `prune` follows bound type variables.
  const t = prune(type);
  const name = t.kind === "primitive" ? t.name : "";
  if (name === "String") return value;
  const builtin = builtinNamed(
    name === "Int" || name === "Float" || name === "Bool" ? `${name.toLowerCase()}.to_string` : "string.inspect",
  );
  return { kind: "builtin", builtin, args: [value], typeArg: null, span: value.span };
}

function builtinNamed(name: string): BuiltinDecl {
  const builtin = BUILTIN_BY_NAME.get(name);
  if (builtin === undefined) throw new BorunaError("internal", `no builtin ${name}`);
  return builtin;
}
