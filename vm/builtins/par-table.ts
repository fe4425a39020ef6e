/** The builtin `par.map`. It calls a function in one branch for each element, and these branches run side by side (`vm/scheduler/tasks.ts`). */
import { type BuiltinDecl, nativeBuiltin } from "./decl.ts";

export const PAR_BUILTINS: readonly BuiltinDecl[] = [
  nativeBuiltin(
    280,
    "par.map",
    "Fn(List<A>, Fn(A) -> B !{e}) -> List<B> !{e}",
    "1 + ⌊8n / 256⌋, n elements; and the steps of each call",
    "Applies the function to each element, as `list.map` does, but capability calls for different elements overlap.",
    ["par.map([1, 2], fn(x: Int) -> Int { x * 10 })", "[10, 20]"],
    { typeParams: ["A", "B", "e"], instruction: "ParMap" },
  ),
];

/** Whether the builtin has an instruction of its own and no implementation as a function. */
export const isInstructionOnly = ({ name }: BuiltinDecl): boolean => name === "par.map";
