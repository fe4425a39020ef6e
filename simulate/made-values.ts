/** Makes the values of answers and arguments. Their type and a flavor, which a fault decides, say what kind of values. */
import type { TypeDef } from "../vm/bytecode/module.ts";
import { BorunaError } from "../vm/error.ts";
import { canonicalJson, type JsonData } from "../vm/json/json.ts";
import { isTupleName, parseType, type Type, typeToString } from "../vm/value/type.ts";
import { type TypeShape, typeTable } from "../vm/value/type-definitions.ts";
import { FloatValue, I64_MAX, I64_MIN } from "../vm/value/value.ts";
import type { Chooser } from "./choices.ts";
import { Endings } from "./endings.ts";
import { KEY_KINDS, type KeyKind, type Vocabulary } from "./vocabulary.ts";

/** What is special about a value. `odd`: unusual characters. `partial`: members of JSON are missing. `mixed`: some JSON has another type. */
export type Flavor = "plain" | "empty" | "odd" | "huge" | "partial" | "mixed";

const ODD_TEXTS = [
  "é",
  "ß",
  "İ",
  "e\u0301",
  "\u200b",
  "\ufeff",
  "\u202eabc",
  "👩‍👩‍👧",
  "𝕏",
  "日本",
  "\0",
  "a\r\nb",
  "\u2028",
  "\u00a0",
  " ",
  "\t",
  "'",
  '"',
  "..",
  "../x",
  "../../x",
  "/etc/x",
  "a/b",
  "<b>",
  "%00",
  "${x}",
  "\\",
  "null",
  "-",
  "1e9",
  "٣",
] as const;
const PLAIN_TEXTS = ["a", "b", "c", "1", "2", "0", "x y", "2026-01-31", "a@b.example", ""] as const;
const PLAIN_NUMBERS = [0, 1, 2, 3, 5, 10, 100, -1] as const;
const HUGE_NUMBERS = [I64_MAX, I64_MIN, 1_000_000_000_000, 4_000_000_000, 2_147_483_648, 9_007_199_254_740_991, -2_147_483_649] as const;
const FLOATS = [0, 1, 0.5, -1.5, 1e-7, 100.25] as const;
const HUGE_FLOATS = [1e308, -1e308, 5e-324, 1e21] as const;
// A part is an element of a list, a member of an object, or a value inside another one.
/** A value that is deeper than this, or has `MAX_PARTS` parts, gets no more parts than its type demands. */
const MAX_DEPTH = 6;
const MAX_PARTS = 500;
/** The simulation refuses a type whose values need more parts than this, or more depth. */
const MAX_DEMANDED_PARTS = 10_000;
const MAX_DEMANDED_DEPTH = 100;
/** A long list repeats one element this many times. The element has at most `MAX_REPEATED_PARTS` parts. */
const LONG_LIST = 300;
const MAX_REPEATED_PARTS = 20;
/** The weights with which a key gets each of the `KEY_KINDS`. A kind in the vocabulary's `hints` for the key gets `HINT_WEIGHT` more. */
const KEY_WEIGHTS = [4, 4, 2, 1, 1, 1, 1, 1] as const;
/** The weights for keys in the plural, such as `items`. */
const PLURAL_WEIGHTS = [2, 2, 4, 4, 1, 1, 1, 4] as const;
const PLURAL = /[^su]s$/;
const HINT_WEIGHT = 30;
/** The possible forms of a document if the program does not convert JSON to a type. */
const PLAIN_ROOTS = ["object", "objects", "texts", "ints"] as const;
const ROOT_WEIGHTS = [4, 2, 1, 1] as const;

/** What the answers of one run have in common. Two pages of a list, for example, then look alike. */
export interface Plan {
  /** The kind of value of each key. */
  readonly kinds: ReadonlyMap<string, KeyKind>;
  /** The form of a document: an index of `jsonTypes`, or of `PLAIN_ROOTS` if there are no `jsonTypes`. */
  readonly root: number;
}

export class ValueMaker {
  readonly #vocabulary: Vocabulary;
  readonly #types: readonly TypeDef[];
  readonly #endings: Endings;
  /** How many more elements and members the value that is being made may have. */
  #partsLeft = MAX_PARTS;
  /** Long texts: one long line, many lines, and many characters outside ASCII. */
  readonly #hugeTexts = ["a".repeat(30_000), "ab, 12\n".repeat(3_000), "é".repeat(30_000)];
  /** Whether the value that is being made may still get a long text or list. It gets at most one, which bounds its size. */
  #mayBeLong = true;

  constructor(words: Vocabulary, types: readonly TypeDef[]) {
    this.#vocabulary = words;
    this.#types = types;
    this.#endings = new Endings(types);
  }

  plan(choose: Chooser): Plan {
    const kinds = new Map(this.#vocabulary.keys.map((key) => [key, KEY_KINDS[choose.weighted(this.#weightsOf(key))] ?? "text"]));
    return { kinds, root: this.#root(choose) };
  }

  #weightsOf(key: string): readonly number[] {
    const weights = PLURAL.test(key) ? PLURAL_WEIGHTS : KEY_WEIGHTS;
    const hinted = this.#vocabulary.hints.get(key);
    return hinted === undefined
      ? weights
      : weights.map((weight, i) => weight + (hinted.some((kind) => kind === KEY_KINDS[i]) ? HINT_WEIGHT : 0));
  }

  /** Chooses the form of a document: one of `jsonTypes`, or of `PLAIN_ROOTS` if there are none. */
  #root(choose: Chooser): number {
    const { length } = this.#vocabulary.jsonTypes;
    return length > 0 ? choose.below(length) : choose.weighted(ROOT_WEIGHTS);
  }

  /** Gives the next value its own allowance of parts. Call this before each answer. */
  beginValue(): void {
    this.#mayBeLong = true;
    this.#partsLeft = MAX_PARTS;
  }

  /** Whether the value is so large that a part at this depth should get no more parts than necessary. */
  #isLarge(depth: number): boolean {
    return depth > MAX_DEPTH || this.#partsLeft <= 0;
  }

  /**
   * Returns a value of the type as typed JSON. With `isForeign`, returns JSON as another program may send it: an Option is the bare value,
   * and the flavor may leave out members or change their types. Throws `usage` if all values of the type are too large.
   */
  ofType(type: Type, choose: Chooser, flavor: Flavor, plan: Plan, isForeign = false, depth = 0): JsonData {
    this.#partsLeft -= 1;
    if (depth > MAX_DEMANDED_DEPTH || this.#partsLeft < -MAX_DEMANDED_PARTS)
      throw new BorunaError("usage", `the simulation cannot make a value of a type as large as ${typeToString(type)}`);
    const part = (inner: Type | undefined): JsonData =>
      inner === undefined ? null : this.ofType(inner, choose, flavor, plan, isForeign, depth + 1);
    if (isForeign && choose.happens(flavor === "mixed" && depth > 0, [3, 1])) return this.#valueOfOtherKind(choose);
    if (type.kind === "primitive") return this.#primitive(type.name, choose, flavor, plan, depth);
    if (type.kind !== "named") return null;
    const [first, second] = type.args;
    switch (type.name) {
      case "Option":
        if (flavor === "empty" || this.#isLarge(depth) || choose.below(2) === 0) return null;
        return isForeign ? part(first) : new Map([["some", part(first)]]);
      case "Result": {
        const isOk = this.#isLarge(depth) ? this.#endings.endsFirst(first, second) : choose.weighted([3, 1]) === 0;
        return isOk ? new Map([["ok", part(first)]]) : new Map([["err", part(second)]]);
      }
      case "List":
        return this.list(choose, flavor, depth, () => part(first));
      case "Map":
        return new Map(this.list(choose, flavor, depth, () => [this.text(choose, flavor), part(second)] as const));
      default: {
        const shape = typeTable(this.#types).shapeOf(type);
        return shape === undefined ? null : this.#ofShape(shape, choose, flavor, isForeign, depth, part);
      }
    }
  }

  #ofShape(
    shape: TypeShape,
    choose: Chooser,
    flavor: Flavor,
    isForeign: boolean,
    depth: number,
    part: (type: Type | undefined) => JsonData,
  ): JsonData {
    if (shape.kind === "enum") {
      const index = this.#isLarge(depth) ? this.#endings.variantOf(shape) : choose.below(shape.variants.length);
      const variant = shape.variants[index];
      if (variant === undefined) return null;
      return variant.payload === null ? variant.name : new Map([[variant.name, part(variant.payload.type)]]);
    }
    if (isTupleName(shape.name)) return shape.fields.map((field) => part(field.type));
    const isIncluded = (): boolean => !isForeign || !choose.happens(flavor === "partial", [2, 1]);
    return new Map(shape.fields.filter(isIncluded).map((field) => [field.name, part(field.type)]));
  }

  #primitive(name: string, choose: Chooser, flavor: Flavor, plan: Plan, depth: number): JsonData {
    switch (name) {
      case "Int":
        return this.number(choose, flavor);
      case "Float":
        return new FloatValue(flavor === "huge" ? choose.oneOf(...HUGE_FLOATS) : choose.oneOf(...FLOATS));
      case "Bool":
        return choose.below(2) === 1;
      case "String":
        return this.text(choose, flavor);
      case "Json":
        return this.json(choose, flavor, plan, depth);
      default:
        return null;
    }
  }

  /** Returns a list. Its possible lengths depend on the flavor. */
  list<T>(choose: Chooser, flavor: Flavor, depth: number, item: () => T): T[] {
    if (flavor === "empty" || this.#isLarge(depth)) return [];
    const length = choose.weighted(flavor === "huge" && this.#mayBeLong ? [1, 4, 3, 2, 2] : [2, 4, 3, 1]);
    this.#partsLeft -= length;
    if (length < 4) return Array.from({ length }, item);
    // Making many different elements would take too long, so a long list repeats one element.
    this.#mayBeLong = false;
    const left = this.#partsLeft;
    this.#partsLeft = Math.min(left, MAX_REPEATED_PARTS);
    const repeated = item();
    this.#partsLeft = left;
    return Array.from({ length: LONG_LIST }, () => repeated);
  }

  number(choose: Chooser, flavor: Flavor): number | bigint {
    if (choose.happens(flavor === "huge", [1, 3])) return choose.oneOf<number | bigint>(...HUGE_NUMBERS);
    return choose.oneOf<number | bigint>(...PLAIN_NUMBERS, ...this.#vocabulary.numbers);
  }

  /** Returns a short text. In the flavor `huge`, the text may be long. */
  text(choose: Chooser, flavor: Flavor): string {
    if (flavor === "empty") return "";
    const canBeLong = flavor === "huge" && this.#mayBeLong;
    if (!choose.happens(flavor === "odd" || canBeLong, canBeLong ? [1, 1] : [1, 3]))
      return choose.oneOf<string>(...PLAIN_TEXTS, ...this.#vocabulary.texts);
    if (!canBeLong) return choose.oneOf(...ODD_TEXTS) + choose.oneOf("", "a", ...ODD_TEXTS);
    this.#mayBeLong = false;
    return this.#hugeTexts[choose.below(this.#hugeTexts.length)] ?? "";
  }

  /** Returns the rows of a table. */
  rows(choose: Chooser, flavor: Flavor, plan: Plan): JsonData {
    return this.list(choose, flavor, 0, () => this.#object(choose, flavor, plan, 1));
  }

  /** Returns a JSON document of a form that the program may expect. */
  json(choose: Chooser, flavor: Flavor, plan: Plan, depth = 0): JsonData {
    const { jsonTypes } = this.#vocabulary;
    const root = choose.weighted([3, 1]) === 0 ? plan.root : this.#root(choose);
    const type = jsonTypes[root];
    if (type !== undefined) return this.ofType(type, choose, flavor, plan, true, depth);
    switch (PLAIN_ROOTS[root] ?? "object") {
      case "object":
        return this.#object(choose, flavor, plan, depth);
      case "objects":
        return this.list(choose, flavor, depth, () => this.#object(choose, flavor, plan, depth + 1));
      case "texts":
        return this.list(choose, flavor, depth, () => this.text(choose, flavor));
      case "ints":
        return this.list(choose, flavor, depth, () => this.number(choose, flavor));
    }
  }

  /** Returns an object with the keys of the vocabulary. */
  #object(choose: Chooser, flavor: Flavor, plan: Plan, depth: number): JsonData {
    if (flavor === "empty" || this.#isLarge(depth)) return new Map();
    const members = new Map<string, JsonData>();
    for (const [key, kind] of plan.kinds) {
      const isNested = kind === "object" || kind === "objects";
      const isIncluded = choose.weighted(flavor === "partial" || (isNested && depth > 0) ? [1, 1] : [1, 7]) === 1;
      if (isIncluded) members.set(key, this.#member(kind, choose, flavor, plan, depth));
    }
    return members;
  }

  #member(kind: KeyKind, choose: Chooser, flavor: Flavor, plan: Plan, depth: number): JsonData {
    this.#partsLeft -= 1;
    if (choose.happens(flavor === "mixed", [3, 1])) return this.#valueOfOtherKind(choose);
    switch (kind) {
      case "text":
        return this.text(choose, flavor);
      case "int":
        return this.number(choose, flavor);
      case "bool":
        return choose.below(2) === 1;
      case "float":
        return new FloatValue(choose.oneOf(...FLOATS));
      case "object":
        return this.#object(choose, flavor, plan, depth + 1);
      case "objects":
        return this.list(choose, flavor, depth + 1, () => this.#object(choose, flavor, plan, depth + 2));
      case "texts":
        return this.list(choose, flavor, depth + 1, () => this.text(choose, flavor));
      case "ints":
        return this.list(choose, flavor, depth + 1, () => this.number(choose, flavor));
    }
  }

  #valueOfOtherKind(choose: Chooser): JsonData {
    return choose.oneOf<JsonData>(null, "", 0, true, [], new Map(), new FloatValue(1.5), "7");
  }

  /**
   * Returns the text of a file, a page or an input. If the program parses JSON, it is mostly a JSON document; otherwise lines, a text or a
   * number.
   */
  content(choose: Chooser, flavor: Flavor, plan: Plan): string {
    if (flavor === "empty") return "";
    switch (choose.weighted(this.#vocabulary.parsesJson ? [12, 1, 1, 1] : [0, 4, 3, 2])) {
      case 0:
        return canonicalJson(this.json(choose, flavor, plan));
      case 1:
        return this.list(choose, flavor, 0, () => this.#line(choose, flavor)).join("\n");
      case 2:
        return this.text(choose, flavor);
      default:
        return String(this.number(choose, flavor));
    }
  }

  /** Makes a line of fields, such as a line of a CSV file. */
  #line(choose: Chooser, flavor: Flavor): string {
    const separator = choose.oneOf<string>(",", " ", ...this.#vocabulary.separators);
    const fields = Array.from({ length: choose.weighted([1, 2, 3, 1]) }, () =>
      choose.below(2) === 0 ? this.text(choose, flavor) : String(this.number(choose, flavor)),
    );
    return fields.join(separator);
  }
}

export const STRING_TYPE: Type = parseType("String");
