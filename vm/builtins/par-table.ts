/** The builtin whose calls of its function may overlap. The machine makes a branch for each (`vm/scheduler/tasks.ts`). */
import { type BuiltinDecl, native } from "./decl.ts";

export const PAR_BUILTINS: readonly BuiltinDecl[] = [
  native(
    280,
    "par.map",
    "Fn(List<A>, Fn(A) -> B !{e}) -> List<B> !{e}",
    "1 + ⌊8n / 256⌋, n elements; and the steps of each call",
    "Applies the function to each element, as `list.map` does, but capability calls for different elements overlap.",
    ["par.map([1, 2], fn(x: Int) -> Int { x * 10 })", "[10, 20]"],
    { typeParams: ["A", "B", "e"], instruction: "ParMap" },
  ),
];

/** The names of builtins that have an instruction of their own and no other form. */
export const isInstructionOnly = ({ name }: BuiltinDecl): boolean => name === "par.map";
