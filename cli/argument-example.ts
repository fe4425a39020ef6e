/** Makes an example value of a type, as JSON, for messages about `--arg`. */
import type { TypeDef } from "../vm/bytecode/module.ts";
import { type TypeTable, typeTable } from "../vm/value/type-definitions.ts";
import type { Type } from "../vm/value/type.ts";

const PRIMITIVES = { Int: "3", Float: "1.5", String: '"text"', Bool: "true", Unit: "null", Json: '{"a": 1}', ActorId: undefined } as const;

/** Maximum number of nested types in an example. Recursive and wide types exceed it. */
const MAX_PARTS = 12;

/** Undefined if the type has no short example or no JSON form. */
export function exampleOf(type: Type, types: readonly TypeDef[]): string | undefined {
  return new Examples(typeTable(types)).of(type);
}

class Examples {
  readonly #table: TypeTable;
  #partsLeft = MAX_PARTS;

  constructor(table: TypeTable) {
    this.#table = table;
  }

  of(type: Type | undefined): string | undefined {
    this.#partsLeft -= 1;
    if (type === undefined || this.#partsLeft < 0) return undefined;
    if (type.kind === "primitive") return PRIMITIVES[type.name];
    if (type.kind !== "named") return undefined;
    switch (type.name) {
      case "List":
        return around("[", this.of(type.args[0]), "]");
      case "Map":
        return around('{"key": ', this.of(type.args[1]), "}");
      case "Option":
        return around('{"some": ', this.of(type.args[0]), "}");
      case "Result":
        return around('{"ok": ', this.of(type.args[0]), "}");
      default:
        return this.#declared(type);
    }
  }

  #declared(type: Type): string | undefined {
    const shape = this.#table.shapeOf(type);
    if (shape === undefined) return undefined;
    if (shape.kind === "record") {
      const fields: string[] = [];
      for (const field of shape.fields) {
        const example = this.of(field.type);
        if (example === undefined) return undefined;
        fields.push(`${JSON.stringify(field.name)}: ${example}`);
      }
      return `{${fields.join(", ")}}`;
    }
    const plain = shape.variants.find((variant) => variant.payload === null);
    if (plain !== undefined) return JSON.stringify(plain.name);
    const [first] = shape.variants;
    return first === undefined ? undefined : around(`{${JSON.stringify(first.name)}: `, this.of(first.payload?.type), "}");
  }
}

function around(before: string, inner: string | undefined, after: string): string | undefined {
  return inner === undefined ? undefined : `${before}${inner}${after}`;
}
