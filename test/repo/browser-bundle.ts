/** Bundles the compiler and the machine into one script for a web page. */
import { join } from "node:path";
import { rolldown } from "rolldown";
import { ROOT } from "./imports.ts";

/** The entry: compiles, encodes, decodes, verifies and runs a program, and returns text. */
const ENTRY = `
import { compile } from ${JSON.stringify(join(ROOT, "compiler/compile.ts"))};
import { decodeModule, encodeModule } from ${JSON.stringify(join(ROOT, "vm/bytecode/codec.ts"))};
import { DEFAULT_LIMITS } from ${JSON.stringify(join(ROOT, "vm/limits.ts"))};
import { runMachine } from ${JSON.stringify(join(ROOT, "vm/scheduler/scheduler.ts"))};
import { textForm } from ${JSON.stringify(join(ROOT, "vm/value/display.ts"))};
import { verifyModule } from ${JSON.stringify(join(ROOT, "vm/bytecode/verifier.ts"))};

const host = {
  call: ({ capability, args }) => ({ ok: true, value: capability.mock(args) }),
  event: () => undefined,
  debug: () => undefined,
  interrupted: () => undefined,
};

export function run(text, engine) {
  const { module } = compile({ name: "main.ax", text });
  const program = verifyModule(decodeModule(encodeModule(module)));
  const end = runMachine(program, host, { limits: DEFAULT_LIMITS, args: [], engine });
  const { status, steps, allocBytes } = end;
  return JSON.stringify({ status, steps, allocBytes, hash: program.moduleHash, value: status === "completed" ? textForm(end.value) : end.trap.kind });
}
`;

/** A program that uses many parts of the machine; its value depends on all of them. */
export const PROGRAM = `
fn fib(n: Int) -> Int { if n < 2 { n } else { fib(n - 1) + fib(n - 2) } }

fn main() -> String !{net.fetch} {
    let words = string.split("é € 😀 z a é", " ")
    let mut seen: Map<String, Int> = {}
    for word in words { seen = map.set(seen, word, option.unwrap_or(map.get(seen, word), 0) + 1) }
    let numbers = list.map(list.range(0, 20), fib)
    let body = net.fetch("http://a")
    string.inspect(seen) ++ int.to_string(list.sum(numbers)) ++ hash.sha256(body) ++ base64.encode("é")
        ++ float.to_string(2.5 * 3.0) ++ int.to_string(9007199254740993 + 1)
}
`;

/** Returns a script that declares `boruna`, and its remaining imports. */
export async function browserBundle(): Promise<{ readonly code: string; readonly imports: readonly string[] }> {
  const name = "browser-entry.js";
  const bundle = await rolldown({
    input: name,
    platform: "browser",
    plugins: [
      {
        name: "entry",
        resolveId: (id) => (id === name ? name : null),
        load: (id) => (id === name ? ENTRY : null),
      },
    ],
  });
  const { output } = await bundle.generate({ format: "iife", name: "boruna", codeSplitting: false });
  await bundle.close();
  const [chunk] = output;
  // A dynamic import that is part of the script is listed as an import of the script itself.
  return { code: chunk.code, imports: [...chunk.imports, ...chunk.dynamicImports.filter((name) => name !== chunk.fileName)] };
}
