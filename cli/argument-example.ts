/** Makes an example value of a type, as JSON, for messages about `--arg`. */
import { isPositional, type TypeDef } from "../vm/bytecode/module.ts";
import { type TypeTable, typeTable } from "../vm/value/type-definitions.ts";
import type { Type } from "../vm/value/type.ts";

const PRIMITIVES = { Int: "3", Float: "1.5", String: '"text"', Bool: "true", Unit: "null", Json: '{"a": 1}', ActorId: undefined } as const;

/** Maximum number of types in one example, nested ones included. Recursive and wide types exceed it. */
const MAX_EXAMPLE_TYPES = 12;

/** Returns an example value of the type as JSON. Returns undefined if the type has no JSON form or its example would be too long. */
export function exampleOf(type: Type, types: readonly TypeDef[]): string | undefined {
  return new Examples(typeTable(types)).exampleOf(type);
}

/** Makes one example and counts its types. */
class Examples {
  readonly #table: TypeTable;
  #typesLeft = MAX_EXAMPLE_TYPES;

  constructor(table: TypeTable) {
    this.#table = table;
  }

  exampleOf(type: Type | undefined): string | undefined {
    this.#typesLeft -= 1;
    if (type === undefined || this.#typesLeft < 0) return undefined;
    if (type.kind === "primitive") return PRIMITIVES[type.name];
    if (type.kind !== "named") return undefined;
    switch (type.name) {
      case "List":
        return enclose("[", this.exampleOf(type.args[0]), "]");
      case "Map":
        return enclose('{"key": ', this.exampleOf(type.args[1]), "}");
      case "Option":
        return enclose('{"some": ', this.exampleOf(type.args[0]), "}");
      case "Result":
        return enclose('{"ok": ', this.exampleOf(type.args[0]), "}");
      default:
        return this.#declaredExample(type);
    }
  }

  #declaredExample(type: Type): string | undefined {
    const shape = this.#table.shapeOf(type);
    if (shape === undefined) return undefined;
    if (shape.kind === "record") {
      const fields: string[] = [];
      const byPosition = isPositional(shape.fields);
      for (const field of shape.fields) {
        const example = this.exampleOf(field.type);
        if (example === undefined) return undefined;
        fields.push(byPosition ? example : `${JSON.stringify(field.name)}: ${example}`);
      }
      return byPosition ? `[${fields.join(", ")}]` : `{${fields.join(", ")}}`;
    }
    const unitVariant = shape.variants.find((variant) => variant.payload === null);
    if (unitVariant !== undefined) return JSON.stringify(unitVariant.name);
    const [firstVariant] = shape.variants;
    return firstVariant === undefined
      ? undefined
      : enclose(`{${JSON.stringify(firstVariant.name)}: `, this.exampleOf(firstVariant.payload?.type), "}");
  }
}

function enclose(prefix: string, inner: string | undefined, suffix: string): string | undefined {
  return inner === undefined ? undefined : `${prefix}${inner}${suffix}`;
}
