/** Assembles small modules with a source line for each instruction. */
import { BUILTIN_REGISTRY, type CapabilityRegistry } from "../../vm/capabilities.ts";
import type { FunctionDef, Instruction, Module, Signature, TypeDef } from "../../vm/bytecode/module.ts";
import { opcode, type OpName } from "../../vm/bytecode/opcodes.ts";
import type { Program } from "../../vm/bytecode/program.ts";
import { isInt, type Value } from "../../vm/value/value.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";

/** An instruction: the opcode and its operands. Constants are given by value, capabilities and functions by name, others as numbers. */
export type Line = readonly [OpName, ...Value[]];

interface FunctionLines {
  readonly name: string;
  readonly arity?: number;
  readonly locals?: number;
  readonly capabilities?: readonly string[];
  readonly code: readonly Line[];
}

interface ModuleLines {
  readonly name?: string;
  readonly types?: readonly TypeDef[];
  readonly signature?: Signature;
  /** The first function is the entry of the module. */
  readonly functions: readonly FunctionLines[];
  readonly registry?: CapabilityRegistry;
  readonly debug?: false;
}

/** Returns the verified program with these functions. */
export function assemble(lines: ModuleLines): Program {
  const registry = lines.registry ?? BUILTIN_REGISTRY;
  const constants: Value[] = [];
  const capability = (name: Value): number => registry.all.find((c) => c.name === name)?.id ?? 255;
  const operand = (kind: string | undefined, value: Value): number => {
    if (kind === "constant") return constants.push(value) - 1;
    if (kind === "capability") return capability(value);
    if (kind === "function") return lines.functions.findIndex((f) => f.name === value);
    if (!isInt(value)) throw new Error(`an operand is a ${typeof value}`);
    return Number(value);
  };
  const text: string[] = [];
  const spans: (readonly [number, number, number, number, number])[][] = [];
  const functions = lines.functions.map((f): FunctionDef => {
    const own: (readonly [number, number, number, number, number])[] = [];
    spans.push(own);
    const code = f.code.map(([op, ...operands], pc): Instruction => {
      const shown = `${f.name}: ${op} ${operands.map((o) => (typeof o === "object" ? o.tag : String(o))).join(" ")}`;
      text.push(shown);
      own.push([pc, text.length, f.name.length + 3, text.length, shown.length + 1]);
      return { op, operands: operands.map((value, i) => operand(opcode(op).operands[i], value)) };
    });
    const capabilities = (f.capabilities ?? []).map(capability);
    return { name: f.name, arity: f.arity ?? 0, locals: f.locals ?? f.arity ?? 0, code, capabilities, intent: null, matchTables: [] };
  });
  const module: Module = {
    name: lines.name ?? "sample",
    constants,
    globals: [],
    types: lines.types ?? [],
    functions,
    entry: 0,
    ...(lines.signature === undefined ? {} : { signature: lines.signature }),
    ...(lines.debug === false
      ? {}
      : {
          debug: {
            files: [{ name: "sample.ax", text: text.join("\n") }],
            functions: spans.map((own) => ({ file: 0, locals: [], spans: own })),
          },
        }),
  };
  return verifyModule(module, registry);
}
