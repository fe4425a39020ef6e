/** Finds how a value of a recursive type can end: for a tree, with the variant that is a leaf. Simulated values must not be endless. */
import type { TypeDef } from "../vm/bytecode/module.ts";
import { readType, type TypeShape } from "../vm/value/type-definitions.ts";
import type { Type } from "../vm/value/type.ts";

/** A type counts as endless if its shallowest value nests more types than this. */
const MAX_ROUNDS = 64;

/** Ranks types: the rank of a type is the depth of its shallowest value. A type without a rank has only endless values. */
export class Endings {
  readonly #rankByType = new Map<string, number>();

  constructor(types: readonly TypeDef[]) {
    const parts = types.map((def): readonly (readonly Type[])[] => {
      const read = (texts: readonly (string | null)[]): readonly Type[] =>
        texts.map((text) => (text === null ? undefined : readType(text, new Set(def.params)))).filter((type) => type !== undefined);
      return def.kind === "record" ? [read(def.fields.map(({ type }) => type))] : def.variants.map(({ type }) => read([type]));
    });
    for (let round = 1, found = true; found && round <= MAX_ROUNDS; round += 1) {
      const ranked = types.filter(
        (def, i) => !this.#rankByType.has(def.name) && parts[i]?.some((alternative) => this.#canEnd(alternative)),
      );
      for (const def of ranked) this.#rankByType.set(def.name, round);
      found = ranked.length > 0;
    }
  }

  /** Returns the index of the variant that has the shallowest value. */
  variantOf({ variants }: Extract<TypeShape, { readonly kind: "enum" }>): number {
    const ranks = variants.map(({ payload }) => (payload === null ? -1 : this.#rankOf(payload.type)));
    return Math.max(0, ranks.indexOf(Math.min(...ranks)));
  }

  /** Whether the shallowest value of the first type is not deeper than that of the second. */
  endsFirst(first: Type | undefined, second: Type | undefined): boolean {
    return this.#rankOf(first) <= this.#rankOf(second);
  }

  #canEnd(parts: readonly Type[]): boolean {
    return parts.every((part) => this.#rankOf(part) < Number.POSITIVE_INFINITY);
  }

  #rankOf(type: Type | undefined): number {
    if (type?.kind !== "named" || type.name === "List" || type.name === "Map" || type.name === "Option") return 0;
    const args = type.args.map((arg) => this.#rankOf(arg));
    if (type.name === "Result") return Math.min(...args);
    return Math.max(this.#rankByType.get(type.name) ?? Number.POSITIVE_INFINITY, ...args);
  }
}
