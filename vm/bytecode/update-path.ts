/**
 * The path of an `Update` instruction: the steps from a local to the part that is assigned. A compound assignment (`+=`) also has an
 * operator. In the bytecode, a path is the text of a constant:
 *
 *     xs[i] = v             []
 *     grid[y][x] += v       [][]+
 *     g.rows[i].name = v    .0[].2      if `rows` is field 0 and `name` is field 2
 *
 * `[]` is an index into a list or a key of a map. The indices and keys are on the operand stack.
 */
import { memoizePerObject } from "../lazy.ts";
import type { Module } from "./module.ts";
import { OPCODES } from "./opcodes.ts";

/** The step for an index or a key. Any other step is the number of a record's field. */
export const INDEX_STEP = -1;
/** Limit on the steps of a path. The compiler never makes longer ones. */
const MAX_STEPS = 256;

export interface UpdatePath {
  readonly steps: readonly number[];
  /** The opcode that combines the old part with the value; undefined if the value replaces the part. */
  readonly operator: number | undefined;
}

const OPERATORS: readonly (readonly [text: string, tag: number])[] = [
  ["+", OPCODES.Add.tag],
  ["-", OPCODES.Sub.tag],
  ["*", OPCODES.Mul.tag],
  ["++", OPCODES.Concat.tag],
];
const PATH = /^((?:\[\]|\.\d{1,9})+)(|\+|-|\*|\+\+)$/;
/** The length of the longest text that can be a path. */
const MAX_TEXT_LENGTH = 10 * MAX_STEPS + 2;

export function updatePathText({ steps, operator }: UpdatePath): string {
  const suffix = OPERATORS.find(([, tag]) => tag === operator)?.[0] ?? "";
  return steps.map((step) => (step === INDEX_STEP ? "[]" : `.${step}`)).join("") + suffix;
}

interface ParsedPath extends UpdatePath {
  /** How many steps are indices or keys. */
  readonly indexCount: number;
}

function parsePath(text: string): ParsedPath | undefined {
  const match = text.length > MAX_TEXT_LENGTH ? null : PATH.exec(text);
  if (match === null) return undefined;
  const steps = (match[1] ?? "").match(/\[|\d+/g)?.map((step) => (step === "[" ? INDEX_STEP : Number(step))) ?? [];
  if (steps.length > MAX_STEPS) return undefined;
  const operator = OPERATORS.find(([suffix]) => suffix === match[2])?.[1];
  return { steps, operator, indexCount: steps.filter((step) => step === INDEX_STEP).length };
}

const pathsOf = memoizePerObject<Module, Map<number, ParsedPath | undefined>>(() => new Map());

/** Returns the path in a constant; undefined if the constant is no path. */
export function updatePath(module: Module, constant: number): ParsedPath | undefined {
  const paths = pathsOf(module);
  if (!paths.has(constant)) {
    const text = module.constants[constant];
    paths.set(constant, typeof text === "string" ? parsePath(text) : undefined);
  }
  return paths.get(constant);
}
