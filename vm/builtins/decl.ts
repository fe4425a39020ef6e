/** The row of the builtin table, and the two functions that make one. */
import { COSTS } from "../cost.ts";
import type { OpName } from "../bytecode/opcodes.ts";

export interface BuiltinDecl {
  /** The operand of the `Builtin` instruction. An id never changes and is never used again. */
  readonly id: number;
  /** `module.name`, or a bare name for the few builtins without a module. */
  readonly name: string;
  /** Older spellings that remain valid. */
  readonly oldNames: readonly string[];
  readonly typeParams: readonly string[];
  /** The text form of a function type, such as `Fn(List<T>, Int) -> Option<T>`. */
  readonly type: string;
  /** The steps in words; see `vm/cost.ts`. */
  readonly cost: string;
  readonly doc: string;
  /** An expression of the language. */
  readonly example: string;
  /** The text form of the example's value. */
  readonly exampleResult: string;
  /** The opcode that the compiler emits for a call instead of `Builtin`. */
  readonly instruction: OpName | undefined;
  /** Compares the elements of its first argument as `==` does, so their type must not contain functions. */
  readonly comparesElements: boolean;
  /** Does something besides returning a value, so the compiler does not warn (W007) when the value is dropped. */
  readonly calledForEffect: boolean;
  /**
   * The source of a builtin that is written in `.ax`, else undefined. Its function comes first; helpers after it have
   * names with `__` in front. The compiler adds it to each module that uses the builtin.
   */
  readonly source: string | undefined;
}

type Options = Partial<Pick<BuiltinDecl, "oldNames" | "typeParams" | "instruction" | "comparesElements" | "calledForEffect" | "source">>;

/** A builtin that the machine implements: see `builtin-code.ts`. */
export function native(
  id: number,
  name: string,
  type: string,
  cost: string,
  doc: string,
  [example, exampleResult]: readonly [string, string],
  options: Options = {},
): BuiltinDecl {
  return {
    id,
    name,
    oldNames: [],
    typeParams: [],
    type,
    cost,
    doc,
    example,
    exampleResult,
    instruction: undefined,
    comparesElements: false,
    calledForEffect: false,
    source: undefined,
    ...options,
  };
}

/** A builtin that is written in `.ax`. */
export function writtenInAx(
  id: number,
  name: string,
  typeParams: readonly string[],
  type: string,
  doc: string,
  example: readonly [string, string],
  source: string,
): BuiltinDecl {
  return native(id, name, type, COSTS.source, doc, example, { typeParams, source });
}
