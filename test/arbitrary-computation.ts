/**
 * Well-typed programs that compute, as source text: loops in loops, recursion, closures, records, enums, Ints and Floats
 * of every size. They are pure except for `debug`. Most end by themselves. Arithmetic or an index may trap.
 */
import type fc from "fast-check";
import { arbitraryChoices, type Choices } from "./choices.ts";

type Type =
  | "Int"
  | "Float"
  | "String"
  | "Bool"
  | "List<Int>"
  | "List<Float>"
  | "Option<Int>"
  | "Result<Int, String>"
  | "P"
  | "Shape"
  | "Map<String, Int>"
  | "Fn(Int) -> Int";

const TYPES: readonly Type[] = [
  "Int",
  "Int",
  "Int",
  "Float",
  "Float",
  "String",
  "String",
  "Bool",
  "List<Int>",
  "List<Float>",
  "Option<Int>",
  "Result<Int, String>",
  "P",
  "Shape",
  "Map<String, Int>",
  "Fn(Int) -> Int",
];
/** Expressions of each type that need no variable and no nested expression. */
const LEAVES: Readonly<Record<Type, readonly string[]>> = {
  Int: [
    "0",
    "1",
    "2",
    "3",
    "7",
    "-1",
    "10",
    "100",
    "9007199254740991",
    "-9007199254740991",
    "4611686018427387904",
    "9223372036854775807",
    "-9223372036854775808",
  ],
  Float: ["0.0", "1.0", "-0.0", "2.5", "-1.5", "0.1", "1.0e300", "9007199254740993.0"],
  String: ['""', '"a"', '"b7"', '"é😀"', '"\\u{FFFF}"', '"long text, long text, long text"'],
  Bool: ["true", "false"],
  "List<Int>": ["[]", "[1, 2, 3]", "[5]", "[9007199254740991, -2]", "list.range(0, 6)"],
  "List<Float>": ["[]", "[0.5, -0.0]", "[1.0, 2.0, 1.0e300]"],
  "Option<Int>": ["None", "Some(1)", "Some(-3)"],
  "Result<Int, String>": ["Ok(1)", 'Err("no")'],
  P: ['P { x: 1, f: 0.5, s: "p" }', 'P { x: 9007199254740991, f: -0.0, s: "" }'],
  Shape: ["Shape::Dot", "Shape::Circle(1.5)", "Shape::Box { w: 2, h: 3 }", 'Shape::Tag("t")', "Shape::Maybe(None)"],
  "Map<String, Int>": ["{}", '{ "a": 1 }', '{ "b": 2, "a": 9007199254740991 }'],
  "Fn(Int) -> Int": ["fn(x: Int) -> Int { x + 1 }", "bump"],
};
/** The first `SMALL_INTS` of `LEAVES.Int` are small. */
const SMALL_INTS = 8;

interface Variable {
  readonly name: string;
  readonly type: Type;
  readonly mutable: boolean;
}
interface Signature {
  readonly name: string;
  readonly params: readonly Type[];
  readonly result: Type;
  /** Whether the function calls itself. Its first parameter then counts down to 0. */
  readonly recursive: boolean;
}

const PRELUDE = `type P { x: Int, f: Float, s: String }
enum Shape { Dot, Circle(Float), Box { w: Int, h: Int }, Tag(String), Maybe(Option<Int>) }
fn bump(n: Int) -> Int { n + 1 }
fn applied(f: Fn(Int) -> Int, n: Int) -> Int { f(n) }
`;

class ProgramWriter {
  readonly #choices: Choices;
  /** The functions written so far, which later code may call. */
  readonly #functions: Signature[] = [];
  /** Number of names in use: `v1`, `v2`, … */
  #names = 0;
  #variables: Variable[] = [];
  #result: Type = "Int";
  #loops = 0;
  #depth = 0;
  #statements = 0;

  constructor(choices: Choices) {
    this.#choices = choices;
  }

  write(): string {
    const functions: string[] = [];
    for (let i = this.#choices.below(4); i > 0; i--) functions.push(this.#function(i));
    this.#variables = [];
    // `main` does not return a closure.
    this.#result = this.#choices.oneOf(TYPES.filter((type) => !type.startsWith("Fn"))) ?? "Int";
    const body = this.#body(6);
    return `${PRELUDE}${functions.join("")}fn main() -> ${this.#result} {\n${body}}\n`;
  }

  #type(): Type {
    return this.#choices.oneOf(TYPES) ?? "Int";
  }

  /** Returns a name that is not in use. */
  #newName(): string {
    this.#names += 1;
    return `v${this.#names}`;
  }

  #function(index: number): string {
    const recursive = this.#choices.below(3) === 0;
    const others = Array.from({ length: this.#choices.below(3) }, () => this.#type());
    const params: readonly Type[] = recursive ? ["Int", ...others] : others;
    const result = this.#type();
    const self: Signature = { name: `g${index}`, params, result, recursive };
    this.#variables = params.map((type) => ({ name: this.#newName(), type, mutable: false }));
    this.#result = result;
    const names = this.#variables.map((v) => v.name);
    const declared = names.map((name, i) => `${name}: ${params[i] ?? "Int"}`).join(", ");
    const parameters = this.#variables.slice();
    let text = this.#body(4);
    this.#variables = parameters;
    if (recursive) {
      const again = (): string =>
        `${self.name}(${[`${names[0] ?? ""} - 1`, ...others.map((type) => this.#expression(type, 1))].join(", ")})`;
      const shape = this.#choices.below(3);
      const bound = `if ${names[0] ?? ""} <= 0 {\n${text}} else `;
      if (shape === 0 || !["Int", "Float", "String"].includes(result)) text = `${bound}{ ${again()} }\n`;
      else text = `${bound}{ ${again()} ${result === "String" ? "++" : "+"} ${this.#expression(result, 1)} }\n`;
    }
    this.#functions.push(self);
    return `fn ${self.name}(${declared}) -> ${result} {\n${text}}\n`;
  }

  /** Writes statements, and a last expression of the function's result type. */
  #body(most: number): string {
    this.#statements = 10;
    const lines = this.#block(most);
    return `${lines}${this.#expression(this.#result, 3)}\n`;
  }

  /** Writes statements in a scope of their own. */
  #block(most: number): string {
    let text = "";
    for (let i = this.#choices.below(most + 1); i > 0 && this.#statements > 0; i--) text += this.#statement();
    return text;
  }

  #scoped(write: () => string): string {
    const before = this.#variables;
    this.#variables = before.slice();
    const text = write();
    this.#variables = before;
    return text;
  }

  #statement(): string {
    this.#statements -= 1;
    switch (this.#choices.below(14)) {
      case 0:
      case 1:
        return this.#let();
      case 2:
      case 3:
      case 4:
      case 5:
        return this.#assign();
      case 6:
      case 12:
        return this.#while();
      case 7:
      case 13:
        return this.#for();
      case 8:
        return `if ${this.#head("Bool")} {\n${this.#inner(2)}} else if ${this.#head("Bool")} {\n${this.#inner(2)}} else {\n${this.#inner(2)}}\n`;
      case 9:
        return `if ${this.#head("Bool")} { ${this.#leave()} }\n`;
      case 10:
        return this.#matchStatement();
      default:
        return this.#let();
    }
  }

  /** Writes the statements of a nested block. Writes none if it would be nested too deep. */
  #inner(most: number): string {
    return this.#depth > 3 ? "" : this.#nested(() => this.#scoped(() => this.#block(most)));
  }

  #nested(write: () => string): string {
    this.#depth += 1;
    const text = write();
    this.#depth -= 1;
    return text;
  }

  #let(): string {
    const type = this.#type();
    const mutable = this.#choices.below(3) > 0;
    const value = this.#expression(type, 2);
    const name = this.#newName();
    this.#variables.push({ name, type, mutable });
    return `let ${mutable ? "mut " : ""}${name}: ${type} = ${value}\n`;
  }

  #assign(): string {
    const variable = this.#choices.oneOf(this.#variables.filter((v) => v.mutable));
    if (variable === undefined) return this.#let();
    const { name, type } = variable;
    if ((type !== "String" && !type.startsWith("List")) || this.#choices.onceIn(3)) return `${name} = ${this.#expression(type, 2)}\n`;
    const pieces = Array.from({ length: 1 + this.#choices.below(2) }, () => this.#expression(type, 1));
    return `${[`${name} = ${name}`, ...pieces].join(" ++ ")}\n`;
  }

  /** Writes a `return`, or, in a loop, also a `break` or `continue`. */
  #leave(): string {
    const ways = this.#loops > 0 ? 5 : 1;
    const way = this.#choices.below(ways);
    return way === 0 ? `return ${this.#expression(this.#result, 2)}` : way < 3 ? "break" : "continue";
  }

  #looped(write: () => string): string {
    this.#loops += 1;
    const text = this.#inner(3) + write();
    this.#loops -= 1;
    return text;
  }

  #while(): string {
    const counter = this.#newName();
    const bound = 1 + this.#choices.below(this.#depth > 0 ? 5 : 30);
    const extra = this.#choices.below(2) === 0 ? "" : ` && ${this.#expression("Bool", 1)}`;
    const body = this.#looped(() => "");
    return `let mut ${counter} = 0\nwhile ${counter} < ${bound}${extra} {\n${counter} = ${counter} + 1\n${body}}\n`;
  }

  #for(): string {
    const floats = this.#choices.onceIn(3);
    const items = this.#head(floats ? "List<Float>" : "List<Int>");
    const name = this.#newName();
    const body = this.#scoped(() => {
      this.#variables.push({ name, type: floats ? "Float" : "Int", mutable: false });
      return this.#looped(() => "");
    });
    return `for ${name} in ${items} {\n${body}}\n`;
  }

  #matchStatement(): string {
    return `match ${this.#head("Shape")} {\n${this.#shapeArms(() => `{\n${this.#inner(2)}}`)}}\n`;
  }

  /** Writes arms for all variants of `Shape`, each with its own names. */
  #shapeArms(body: () => string): string {
    const arm = (pattern: string, variables: readonly Variable[], guard = ""): string =>
      this.#scoped(() => {
        this.#variables.push(...variables);
        return `${pattern}${guard} => ${body()}\n`;
      });
    const [a, b] = [this.#newName(), this.#newName()];
    const int = (name: string): Variable => ({ name, type: "Int", mutable: false });
    const arms = [
      this.#choices.below(2) === 0
        ? arm("Dot | Tag(_)", [])
        : arm("Dot", []) + arm(`Tag(${a})`, [{ name: a, type: "String", mutable: false }]),
      arm(`Circle(${a})`, [{ name: a, type: "Float", mutable: false }]),
      this.#choices.onceIn(3) ? arm(`Box { w: ${a}, .. }`, [int(a)], ` if ${a} > 2`) : "",
      arm(`Box { w: ${a}, h: ${b} }`, [int(a), int(b)]),
      arm(`Maybe(Some(${a}))`, [int(a)]),
      arm("Maybe(None)", []),
    ];
    return arms.join("");
  }

  /** Writes an expression for the header of `if`, `for` or `match`: in parentheses, because a brace follows. */
  #head(type: Type): string {
    return `(${this.#expression(type, 2)})`;
  }

  /** Writes a variable or one of `LEAVES`. */
  #leaf(type: Type): string {
    const known = this.#variables.filter((v) => v.type === type);
    if (known.length > 0 && this.#choices.below(4) > 0) return this.#choices.oneOf(known)?.name ?? "0";
    const leaves = LEAVES[type];
    const small = type === "Int" && !this.#choices.onceIn(12);
    return `(${small ? (leaves[this.#choices.below(SMALL_INTS)] ?? "0") : (this.#choices.oneOf(leaves) ?? "0")})`;
  }

  #expression(type: Type, depth: number): string {
    if (depth === 0) return this.#leaf(type);
    const e = (of: Type): string => this.#expression(of, depth - 1);
    switch (this.#choices.below(12)) {
      case 0:
      case 1:
        return this.#leaf(type);
      case 2:
        return `(if ${e("Bool")} { ${e(type)} } else { ${e(type)} })`;
      case 3: {
        const callee = this.#choices.oneOf(this.#functions.filter((f) => f.result === type));
        if (callee === undefined) return this.#of(type, e);
        const args = callee.params.map((param, i) => (callee.recursive && i === 0 ? String(this.#choices.below(6)) : e(param)));
        return `${callee.name}(${args.join(", ")})`;
      }
      case 4:
        return this.#matched(type, e);
      default:
        return this.#of(type, e);
    }
  }

  #matched(type: Type, e: (of: Type) => string): string {
    const name = this.#newName();
    const bound = (of: Type, write: () => string): string =>
      this.#scoped(() => {
        this.#variables.push({ name, type: of, mutable: false });
        return write();
      });
    switch (this.#choices.below(4)) {
      case 0:
        return `(match (${e("Option<Int>")}) { Some(${name}) => ${bound("Int", () => e(type))}, None => ${e(type)} })`;
      case 1:
        return `(match (${e("Result<Int, String>")}) { Ok(${name}) => ${bound("Int", () => e(type))}, Err(_) => ${e(type)} })`;
      case 2:
        return `(match (${e("Int")}) { 0 => ${e(type)}, 1 | 2 => ${e(type)}, ${name} if ${name} < 0 => ${bound("Int", () => e(type))}, _ => ${e(type)} })`;
      default:
        return `(match (${e("Shape")}) {\n${this.#shapeArms(() => e(type))}})`;
    }
  }

  /**
   * Indexes a list variable. If there is none, indexes any list with the builtin `list_get`, because `[` after a brace would begin another
   * expression.
   */
  #indexed(e: (of: Type) => string): string {
    const known = this.#choices.oneOf(this.#variables.filter((v) => v.type === "List<Int>"));
    return known === undefined ? `list_get(${e("List<Int>")}, ${e("Int")} % 3)` : `${known.name}[${e("Int")} % 3]`;
  }

  #called(e: (of: Type) => string): string {
    const known = this.#choices.oneOf(this.#variables.filter((v) => v.type === "Fn(Int) -> Int"));
    return known === undefined ? `applied(${e("Fn(Int) -> Int")}, ${e("Int")})` : `${known.name}(${e("Int")})`;
  }

  /** Writes an operation whose result has the type. `e` writes its operands. */
  #of(type: Type, e: (of: Type) => string): string {
    const pick = (...ways: readonly (() => string)[]): string => this.#choices.oneOf(ways)?.() ?? this.#leaf(type);
    const lambda = (params: string, result: Type, names: readonly Variable[]): string =>
      this.#scoped(() => {
        this.#variables.push(...names);
        return `fn(${params}) -> ${result} { ${e(result)} }`;
      });
    const [a, b] = [this.#newName(), this.#newName()];
    const variable = (name: string, of: Type): Variable => ({ name, type: of, mutable: false });
    const binary = (of: Type, ...ops: readonly string[]): string => `(${e(of)} ${this.#choices.oneOf(ops) ?? "+"} ${e(of)})`;
    switch (type) {
      case "Int":
        return pick(
          () => binary("Int", "+", "-", "*", "+", "-"),
          () => binary("Int", "+", "-", "*", "/", "%"),
          () => `(-${e("Int")})`,
          () => `string.len(${e("String")})`,
          () => `list.len(${e("List<Int>")})`,
          () =>
            `list.fold(${e("List<Int>")}, ${e("Int")}, ${lambda(`${a}: Int, ${b}: Int`, "Int", [variable(a, "Int"), variable(b, "Int")])})`,
          () => `list.sum(${e("List<Int>")})`,
          () => this.#indexed(e),
          () => `float.trunc(${e("Float")})`,
          () => `(${e("P")}).x`,
          () => `option.unwrap_or(map.get(${e("Map<String, Int>")}, ${e("String")}), ${e("Int")})`,
          () => this.#called(e),
          () => `int.max(${e("Int")}, ${e("Int")})`,
        );
      case "Float":
        return pick(
          () => binary("Float", "+", "-", "*", "/"),
          () => binary("Float", "+", "-", "*", "/"),
          () => `int.to_float(${e("Int")})`,
          () => `(-${e("Float")})`,
          () => `float.sqrt(${e("Float")})`,
          () => `(${e("P")}).f`,
          () =>
            `list.fold(${e("List<Float>")}, ${e("Float")}, ${lambda(`${a}: Float, ${b}: Float`, "Float", [variable(a, "Float"), variable(b, "Float")])})`,
        );
      case "String":
        return pick(
          () => `(${e("String")} ++ ${e("String")})`,
          () => `(${e("String")} + ${e("String")})`,
          () => `int.to_string(${e("Int")})`,
          () => `float.to_string(${e("Float")})`,
          () => `(${e("P")}).s`,
          () => `string.slice(${e("String")}, 0, ${e("Int")})`,
          () => `string.join(list.map(${e("List<Int>")}, int.to_string), ${e("String")})`,
        );
      case "Bool":
        return pick(
          () => binary("Int", "<", "<=", ">", ">=", "==", "!="),
          () => binary("Int", "<", "<=", ">", ">=", "==", "!="),
          () => binary("Float", "<", "<=", ">", ">=", "==", "!="),
          () => binary("String", "<", "<=", ">", ">=", "==", "!="),
          () => binary(this.#choices.oneOf(["P", "Shape", "List<Float>", "Option<Int>", "Map<String, Int>"] as const) ?? "P", "==", "!="),
          () => binary("Bool", "&&", "||", "=="),
          () => `(!${e("Bool")})`,
          () => `list.any(${e("List<Int>")}, ${lambda(`${a}: Int`, "Bool", [variable(a, "Int")])})`,
        );
      case "List<Int>":
        return pick(
          () => `list.push(${e("List<Int>")}, ${e("Int")})`,
          () => `(${e("List<Int>")} ++ ${e("List<Int>")})`,
          () => `list.map(${e("List<Int>")}, ${e("Fn(Int) -> Int")})`,
          () => `list.filter(${e("List<Int>")}, ${lambda(`${a}: Int`, "Bool", [variable(a, "Int")])})`,
          () => `list.sort(${e("List<Int>")})`,
          () => `[${e("Int")}, ${e("Int")}]`,
          () => `map.values(${e("Map<String, Int>")})`,
        );
      case "List<Float>":
        return pick(
          () => `[${e("Float")}, ${e("Float")}]`,
          () => `list.push(${e("List<Float>")}, ${e("Float")})`,
          () => `list.map(${e("List<Int>")}, ${lambda(`${a}: Int`, "Float", [variable(a, "Int")])})`,
        );
      case "Option<Int>":
        return pick(
          () => `Some(${e("Int")})`,
          () => `list.get(${e("List<Int>")}, ${e("Int")})`,
          () => `int.parse(${e("String")})`,
          () => `map.get(${e("Map<String, Int>")}, ${e("String")})`,
        );
      case "Result<Int, String>":
        return pick(
          () => `Ok(${e("Int")})`,
          () => `Err(${e("String")})`,
          () => `try_parse_int(${e("String")})`,
        );
      case "P":
        return pick(
          () => `P { x: ${e("Int")}, f: ${e("Float")}, s: ${e("String")} }`,
          () => `P { ..${e("P")}, x: ${e("Int")} }`,
        );
      case "Shape":
        return pick(
          () => `Shape::Circle(${e("Float")})`,
          () => `Shape::Box { w: ${e("Int")}, h: ${e("Int")} }`,
          () => `Shape::Tag(${e("String")})`,
          () => `Shape::Maybe(${e("Option<Int>")})`,
        );
      case "Map<String, Int>":
        return pick(
          () => `map.set(${e("Map<String, Int>")}, ${e("String")}, ${e("Int")})`,
          () => `{ ${e("String")}: ${e("Int")}, "k": ${e("Int")} }`,
          () => `map.remove(${e("Map<String, Int>")}, ${e("String")})`,
        );
      case "Fn(Int) -> Int":
        return lambda(`${a}: Int`, "Int", [variable(a, "Int")]);
    }
  }
}

/** A complete program. Its value has any type except a function type. */
export const arbitraryComputation: fc.Arbitrary<string> = arbitraryChoices(900).map((choices) => new ProgramWriter(choices).write());
