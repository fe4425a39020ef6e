/** The type of an entry of the builtin table, and the two functions that make an entry. */
import { COSTS } from "../cost.ts";
import type { OpName } from "../bytecode/opcodes.ts";

export interface BuiltinDecl {
  /** The operand of the `Builtin` instruction. The id of a builtin never changes, and no other builtin ever gets it. */
  readonly id: number;
  /** `module.name`, or only a name for the few builtins without a module. */
  readonly name: string;
  /** Earlier names, which remain valid. */
  readonly oldNames: readonly string[];
  readonly typeParams: readonly string[];
  /** The text form of a function type, such as `Fn(List<T>, Int) -> Option<T>`. */
  readonly type: string;
  /** The formula of the charged steps, as text for people; see `COSTS` in `vm/cost.ts`. */
  readonly cost: string;
  readonly doc: string;
  /** An expression that uses the builtin. */
  readonly example: string;
  /** The text form of the example's value. */
  readonly exampleResult: string;
  /** The opcode that the compiler emits for a call; undefined if it is `Builtin`. */
  readonly instruction: OpName | undefined;
  /** Whether the builtin compares the elements of its first argument like `==`. If so, their type must not contain functions. */
  readonly comparesElements: boolean;
  /**
   * Whether the builtin converts values of the type parameter to or from Json. If so, these values must have a JSON form. The compiler must
   * know their type at each call, and passes its text as one more argument.
   */
  readonly convertsJson: boolean;
  /** Whether the builtin is an elementary function (exp, sin and the like). Their code is loaded only for programs that use one. */
  readonly isElementary: boolean;
  /** Whether the builtin has an effect besides its result. If so, the compiler does not warn (W007) about a result that is not used. */
  readonly calledForEffect: boolean;
  /**
   * The source text of a builtin that is written in `.ax`; undefined for a native builtin. The text begins with the builtin's
   * function. Helper functions follow; their names begin with `__`. The compiler adds these functions to each module that uses
   * the builtin.
   */
  readonly source: string | undefined;
}

type Options = Partial<
  Pick<
    BuiltinDecl,
    "oldNames" | "typeParams" | "instruction" | "comparesElements" | "convertsJson" | "isElementary" | "calledForEffect" | "source"
  >
>;

/** Returns the entry of a builtin that the machine implements (see `builtin-code.ts`). */
export function nativeBuiltin(
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
    convertsJson: false,
    isElementary: false,
    calledForEffect: false,
    source: undefined,
    ...options,
  };
}

/** Returns the entry of a builtin that is written in `.ax`. */
export function writtenInAx(
  id: number,
  name: string,
  typeParams: readonly string[],
  type: string,
  doc: string,
  example: readonly [string, string],
  source: string,
): BuiltinDecl {
  return nativeBuiltin(id, name, type, COSTS.source, doc, example, { typeParams, source });
}
