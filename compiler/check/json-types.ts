/** Checks the types that `json.from` and `json.to` convert. */
import type { BuiltinDecl } from "../../vm/builtins/decl.ts";
import type { Span } from "../ast.ts";
import { type CheckedType, findPart, type PartTest, showType } from "../check-types.ts";
import type { ParamType } from "../rows.ts";
import type { FunctionChecker } from "./context.ts";
import { reportUndecided } from "./undecided.ts";

/** `isOwnParam`: a type parameter of a declared type, such as the T of `Box<T>`. The type in its place is tested too. */
const hasNoJson: PartTest = (part, isOwnParam) =>
  part.kind === "fn" ||
  part.kind === "var" ||
  ((part.kind === "primitive" || part.kind === "builtin") && part.name === "ActorId") ||
  (part.kind === "param" && !isOwnParam);

/**
 * Returns a part of the type that has no JSON form: a function, an ActorId, a type parameter of the function, or an undecided type.
 * Undefined if there is none.
 */
export const partWithoutJson = (type: CheckedType): CheckedType | undefined => findPart(type, hasNoJson);

/** Returns the type that the builtin converts to or from Json. The compiler passes its text as one more argument. Null for other builtins. */
export const typeArgument = (builtin: BuiltinDecl, typeArgs: ReadonlyMap<ParamType, CheckedType>): CheckedType | null =>
  builtin.convertsJson ? ([...typeArgs.values()][0] ?? null) : null;

const UNDECIDED = {
  read: {
    message: "the type that `json.to` returns is not decided",
    help: "write it: `let value: Result<Int, String> = json.to(j)`",
  },
  written: {
    message: "the type that `json.from` converts is not decided",
    help: "write it: `let value: Option<Int> = None`",
  },
} as const;

/** Checks that the values which the builtin converts have a JSON form, as soon as the types of the whole body are known. */
export function requireJsonType(
  checker: FunctionChecker,
  { name }: BuiltinDecl,
  typeArgs: ReadonlyMap<ParamType, CheckedType>,
  span: Span,
): void {
  checker.context.deferredChecks.push(() => {
    for (const type of typeArgs.values()) {
      const part = partWithoutJson(type);
      if (part?.kind === "var") {
        const { message, help } = UNDECIDED[name === "json.to" ? "read" : "written"];
        reportUndecided(checker, type, span, message, help);
      } else if (part?.kind === "param") {
        const converter =
          name === "json.to" ? `from_json: Fn(Json) -> Result<${showType(part)}, String>` : `to_json: Fn(${showType(part)}) -> Json`;
        checker.error("E009", span, `\`${name}\` needs a known type, and ${showType(part)} is known only to the callers of this function`, {
          help: `take a parameter \`${converter}\`, and let each caller pass \`${name}\``,
        });
      } else if (part !== undefined) {
        const what = part.kind === "fn" ? "functions" : "ActorIds";
        checker.error("E009", span, `\`${name}\` converts data, and ${what} have no JSON form: ${showType(type)}`, {
          help: "convert the parts that are data, in a record of their own",
        });
      }
    }
  });
}
