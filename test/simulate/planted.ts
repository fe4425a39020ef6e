/** The programs in `programs/`. Each has a planted bug. Below the wrong line, a comment `// fixed:` has the right one. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { compile } from "../../compiler/compile.ts";
import { DENY_ALL, withShorthands } from "../../policy/policy.ts";
import { openSources } from "../../runtime/sources.ts";
import type { SimulateOptions } from "../../simulate/simulate.ts";
import type { Program } from "../../vm/bytecode/program.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";

const FOLDER = fileURLToPath(new URL("programs/", import.meta.url));

export interface Planted {
  readonly name: string;
  /** The kind of the failure that the simulation must find. */
  readonly finds: string;
  readonly wrong: Program;
  readonly fixed: Program;
  /** The policy and the invariant of the program. */
  readonly options: SimulateOptions;
}

export function programOf(text: string, name = "app.ax"): Program {
  const { source, resolve } = openSources(name, text);
  return verifyModule(compile(source, { resolve }).module);
}

function plantedOf(file: string): Planted {
  const text = readFileSync(`${FOLDER}${file}`, "utf8");
  const invariantFile = `${FOLDER}${file.replace(".ax", ".invariant.ax")}`;
  const invariant = existsSync(invariantFile) ? programOf(readFileSync(invariantFile, "utf8"), "invariant.ax") : undefined;
  const policy = text.includes("// policy: --allow-write out --allow net.fetch")
    ? withShorthands(DENY_ALL, { allowWrite: ["out"], allow: ["net.fetch"] })
    : "allow-all";
  return {
    name: file,
    finds: /^\/\/ finds: (\w+)/.exec(text)?.[1] ?? "",
    wrong: programOf(text),
    fixed: programOf(text.replace(/^.*\n\s*\/\/ fixed: (.*)$/gm, "    $1")),
    options: { policy, ...(invariant === undefined ? {} : { invariant }) },
  };
}

export const PLANTED: readonly Planted[] = readdirSync(FOLDER)
  .filter((file) => file.endsWith(".ax") && !file.endsWith(".invariant.ax"))
  .map(plantedOf);
