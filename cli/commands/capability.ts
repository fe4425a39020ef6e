import { BUILTIN_REGISTRY } from "../../vm/capabilities.ts";
import { EXIT } from "../../vm/outcome.ts";
import { compareUtf8 } from "../../vm/value/utf8.ts";
import { VERSION } from "../../vm/version.ts";
import type { CommandSession } from "../session.ts";
import { printJson } from "../terminal.ts";

export function capabilityListCommand({ terminal, json }: CommandSession): number {
  const { all, setHash } = BUILTIN_REGISTRY;
  if (json) {
    const capabilities = [...all].sort((a, b) => compareUtf8(a.name, b.name)).map((c) => ({ name: c.name, version: c.version }));
    printJson(terminal, { name: "boruna", version: VERSION, capabilities, capability_set_hash: setHash });
    return EXIT.done;
  }
  const width = Math.max(...all.map((c) => c.name.length));
  for (const c of all) terminal.out(`${c.name.padEnd(width)}  ${c.doc}\n${" ".repeat(width)}  ${c.call}`);
  terminal.out(`\n${setHash}`);
  return EXIT.done;
}
