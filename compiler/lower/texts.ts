/** Rewrites a text with holes as calls of `string.join`. */
import type { BuiltinDecl } from "../../vm/builtins/decl.ts";
import { BUILTIN_BY_NAME } from "../../vm/builtins/builtin-table.ts";
import { BorunaError } from "../../vm/error.ts";
import { type CheckedType, prune } from "../check-types.ts";
import type { Ir } from "../ir.ts";

/**
 * Returns the parts of a text joined to a String. A text of more than `maxParts` parts is joined from the texts of its parts, because
 * building a long list piece by piece would copy its beginning for each piece.
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

/** Returns the value as text: a String itself, a number or Bool by its `to_string`, which runs in compiled code, and others as `string.inspect` shows them. */
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
