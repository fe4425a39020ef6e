import type { SourceOf } from "../../compiler/diagnostics.ts";
import { disassemble } from "../../vm/bytecode/disassembler.ts";
import { EXIT } from "../../vm/outcome.ts";
import { type CapabilityFlags, loadRegistry } from "../capabilities.ts";
import { loadProgram } from "../load.ts";
import type { CommandSession } from "../session.ts";
import { withoutControlCharacters, printJson } from "../terminal.ts";

export async function inspectCommand(session: CommandSession, file: string, flags: CapabilityFlags): Promise<number> {
  const onSourcesOpened = (sourceOf: SourceOf): void => {
    session.sourceOf = sourceOf;
  };
  const { program } = loadProgram(file, onSourcesOpened, await loadRegistry(flags));
  const { module, registry } = program;
  if (!session.json) {
    session.terminal.out(withoutControlCharacters(disassemble(program)));
    return EXIT.done;
  }
  printJson(session.terminal, {
    name: module.name,
    module_hash: program.moduleHash,
    signature: module.signature ?? null,
    constants: module.constants.length,
    types: module.types.map((t) => t.name),
    functions: program.functions.map((f) => ({
      name: f.def.name,
      arity: f.def.arity,
      locals: f.def.locals,
      instructions: f.def.code.length,
      max_stack: f.maxStack,
      regular: f.staticallyStacked,
      capabilities: f.def.capabilities.map((id) => registry.byId.get(id)?.name ?? String(id)),
      intent: f.def.intent,
    })),
  });
  return EXIT.done;
}
