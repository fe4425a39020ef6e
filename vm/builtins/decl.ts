/** The shape of a row of the builtin table. */

export interface BuiltinDecl {
  /** Operand of the Builtin instruction. Never changes, never is given again. */
  readonly id: number;
  /** `module.name`, or bare for the few without a module. */
  readonly name: string;
  /** Older spellings that stay valid. */
  readonly oldNames: readonly string[];
  readonly typeParams: readonly string[];
  /** Text form of `types.ts`: `Fn(List<T>, Int) -> Option<T>`. */
  readonly type: string;
  /** Steps, in words; see `cost.ts`. */
  readonly cost: string;
  readonly doc: string;
  /** An expression of the language. */
  readonly example: string;
  /** The text form of the example's value. */
  readonly exampleResult: string;
  /**
   * A builtin written in the language: its function comes first; further ones are helpers named `__…`.
   * The compiler puts it into the module that uses it.
   */
  readonly source?: string;
}

interface More {
  readonly oldNames?: readonly string[];
  readonly typeParams?: readonly string[];
}

/** A builtin that the machine runs. */
export function host(
  id: number,
  name: string,
  type: string,
  cost: string,
  doc: string,
  example: readonly [string, string],
  more: More = {},
): BuiltinDecl {
  return {
    id,
    name,
    oldNames: more.oldNames ?? [],
    typeParams: more.typeParams ?? [],
    type,
    cost,
    doc,
    example: example[0],
    exampleResult: example[1],
  };
}

/** A builtin written in the language. */
export function written(
  id: number,
  name: string,
  typeParams: readonly string[],
  type: string,
  doc: string,
  example: readonly [string, string],
  source: string,
): BuiltinDecl {
  const cost = "the instructions of its source";
  return { id, name, oldNames: [], typeParams, type, cost, doc, example: example[0], exampleResult: example[1], source };
}
