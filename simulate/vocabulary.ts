/**
 * Collects what a program shows about the answers that it expects: the types that it reads from JSON, the keys that it looks up, and the texts
 * and numbers that it compares with. Simulated answers use these, because a random text would fail the first check of the program.
 */
import { BUILTIN_BY_NAME } from "../vm/builtins/builtin-table.ts";
import type { Instruction, Module } from "../vm/bytecode/module.ts";
import { BorunaError } from "../vm/error.ts";
import { parseType, type Type } from "../vm/value/type.ts";

/** The kinds of value that a key of a JSON object can have. The first is the simplest. */
export const KEY_KINDS = ["text", "int", "objects", "texts", "object", "bool", "float", "ints"] as const;
export type KeyKind = (typeof KEY_KINDS)[number];

/** Words in the names of functions, such as `int` in `int_at`. A key that is passed to such a function has a value of one of these kinds. */
const HINTS: readonly (readonly [RegExp, readonly KeyKind[]])[] = [
  [/(^|_)(text|string)s?(_|$)/, ["text"]],
  [/(^|_)ints?(_|$)/, ["int"]],
  [/(^|_)(float|number)(_|$)/, ["float", "int"]],
  [/(^|_)bool(_|$)/, ["bool"]],
  [/(^|_)object(_|$)/, ["object"]],
  [/(^|_)(list|items|array)(_|$)/, ["objects", "texts", "ints"]],
];

export interface Vocabulary {
  /** The types to which the program converts JSON. */
  readonly jsonTypes: readonly Type[];
  /** Whether the program parses JSON text. */
  readonly parsesJson: boolean;
  readonly keys: readonly string[];
  /** The kinds of a key's value, if the program passes the key to a function whose name says so: `int_at(order, "cents")`. */
  readonly hints: ReadonlyMap<string, readonly KeyKind[]>;
  readonly texts: readonly string[];
  readonly numbers: readonly (number | bigint)[];
  /** Short texts without letters and digits, at which a program may split text. */
  readonly separators: readonly string[];
}

/** Maximum number of keys, texts, numbers and separators, each. */
const MAX_WORDS = 24;
/** Longer texts are left out. In UTF-16 code units. */
const MAX_TEXT_UNITS = 64;
const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_-]{0,39}$/;
/** Words of SQL statements that are not names of columns. */
const SQL_WORDS = new Set(
  "select from where order by desc asc limit and or not in is null insert into values update set delete join on as group having distinct count sum".split(
    " ",
  ),
);

/** Collects the vocabulary of all functions. Takes time in proportion to the module. */
export function vocabularyOf(module: Module): Vocabulary {
  const jsonTypes = new Map<string, Type>();
  const toJson = BUILTIN_BY_NAME.get("json.to")?.id;
  const parse = BUILTIN_BY_NAME.get("json.parse")?.id;
  let parsesJson = false;
  const calls = (instruction: Instruction | undefined, id: number | undefined): boolean =>
    instruction?.op === "Builtin" && instruction.operands[0] === id;
  const hints = new Map<string, readonly KeyKind[]>();
  for (const { code } of module.functions) {
    for (const [at, instruction] of code.entries()) {
      parsesJson ||= calls(instruction, parse);
      const text = instruction.op === "PushConst" ? module.constants[instruction.operands[0] ?? -1] : undefined;
      if (typeof text !== "string") continue;
      const next = code[at + 1];
      if (calls(next, toJson)) addType(jsonTypes, text);
      const called = next?.op === "Call" ? module.functions[next.operands[0] ?? -1]?.name : undefined;
      const hint = called === undefined ? undefined : HINTS.find(([words]) => words.test(called))?.[1];
      const key = keysIn(text).at(-1);
      if (hint !== undefined && key !== undefined) hints.set(key, hint);
    }
  }
  const texts = new Set<string>();
  const keys = new Set<string>();
  const separators = new Set<string>();
  const numbers = new Set<number | bigint>();
  for (const constant of module.constants) {
    if (typeof constant === "number" || typeof constant === "bigint") {
      for (const near of [constant, BigInt(constant) + 1n, BigInt(constant) - 1n]) if (isInt64(near)) numbers.add(toInt(near));
    } else if (typeof constant === "string" && !jsonTypes.has(constant)) {
      if (constant.length > 0 && constant.length <= MAX_TEXT_UNITS) texts.add(constant);
      if (/^[^A-Za-z0-9]{1,3}$/.test(constant)) separators.add(constant);
      for (const key of keysIn(constant)) keys.add(key);
    }
  }
  const firstWords = <T>(set: ReadonlySet<T>): readonly T[] => [...set].slice(0, MAX_WORDS);
  return {
    jsonTypes: [...jsonTypes.values()],
    parsesJson,
    keys: firstWords(keys),
    hints,
    texts: firstWords(texts),
    numbers: firstWords(numbers),
    separators: firstWords(separators),
  };
}

function addType(types: Map<string, Type>, text: string): void {
  try {
    types.set(text, parseType(text));
  } catch (error) {
    if (!(error instanceof BorunaError)) throw error;
  }
}

/** Returns what may be keys: the text itself, the parts of a path, the columns of a SQL statement, or the members of JSON in the text. */
function keysIn(text: string): readonly string[] {
  if (IDENTIFIER.test(text)) return [text];
  if (/^(select|insert|update|delete)\s/i.test(text))
    return (text.match(/[A-Za-z_]\w*/g) ?? []).filter((word) => !SQL_WORDS.has(word.toLowerCase()) && IDENTIFIER.test(word));
  if (/^[A-Za-z_][\w.[\]-]*$/.test(text)) return text.split(/[.[\]]+/).filter((part) => IDENTIFIER.test(part));
  return [...text.matchAll(/"([A-Za-z_][\w-]{0,39})"\s*:/g)].flatMap(([, key]) => (key === undefined ? [] : [key]));
}

const isInt64 = (n: number | bigint): boolean => BigInt.asIntN(64, BigInt(n)) === BigInt(n);
/** Returns an Int in the machine's form: a number if it is a safe integer, otherwise a bigint. */
const toInt = (n: number | bigint): number | bigint => (Number.isSafeInteger(Number(n)) ? Number(n) : BigInt(n));
