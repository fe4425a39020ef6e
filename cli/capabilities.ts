/**
 * Loads the files of `--capabilities`. A JavaScript module exports `capabilities`, the list that `createRegistry` takes. A file whose name
 * ends in `.json` is a declaration file of `boruna import mcp`.
 */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type CapabilitySpec, createRegistry } from "../gateway/own-capabilities.ts";
import { systemErrorText } from "../replay/log/files.ts";
import { BUILTIN_REGISTRY, type CapabilityRegistry } from "../vm/capabilities.ts";
import { BorunaError, type ErrorPlace } from "../vm/error.ts";
import type { CommandSession } from "./session.ts";
import { withoutControlCharacters } from "./terminal.ts";

export interface CapabilityFlags {
  /** The paths of the files. */
  readonly capabilities?: readonly string[];
}

const EXAMPLE =
  'export const capabilities = [{ name: "orders.total", version: "1", params: [{ name: "customer", type: "String" }], result: "Int", mayRepeat: true, handler: ([customer]) => 0 }];';

/**
 * Returns the built-in capabilities and those of the files. A module runs with the rights of this process. A server of imported tools
 * starts at the first call of a live run, and ends with the command. Throws `io_error`, `json.*`, `capability.not_loaded`,
 * `capability.invalid_declaration`.
 */
export async function loadRegistry({ capabilities: paths = [] }: CapabilityFlags, session?: CommandSession): Promise<CapabilityRegistry> {
  if (paths.length === 0) return BUILTIN_REGISTRY;
  const specs: CapabilitySpec[] = [];
  for (const path of paths) specs.push(...(path.endsWith(".json") ? await importedSpecs(path, session) : await moduleSpecs(path)));
  return createRegistry(specs);
}

async function importedSpecs(path: string, session: CommandSession | undefined): Promise<readonly CapabilitySpec[]> {
  const { openImportedTools } = await import("../mcp-tools/imported-tools.ts");
  const tools = openImportedTools(path, {
    onWarning: (text) => session?.terminal.err(withoutControlCharacters(`warning: ${text}`)),
  });
  session?.closers.push(() => tools.close());
  checkSpecs(path, tools.capabilities, "import the tools again: boruna import mcp");
  return tools.capabilities;
}

async function moduleSpecs(path: string): Promise<readonly CapabilitySpec[]> {
  const exported = await exportOf(path);
  if (!Array.isArray(exported))
    throw new BorunaError("capability.invalid_declaration", `${path} exports no list with the name capabilities`, {
      place: { file: path },
      hint: `for example: ${EXAMPLE}`,
    });
  const specs: readonly CapabilitySpec[] = exported;
  checkSpecs(path, specs, `for example: ${EXAMPLE}`);
  return specs;
}

/** Checks the declarations of one file, so that an error names the file. */
function checkSpecs(path: string, specs: readonly CapabilitySpec[], hint: string): void {
  try {
    createRegistry(specs);
  } catch (error) {
    if (!(error instanceof BorunaError)) throw error;
    throw new BorunaError(error.kind, error.message, { place: { file: path }, hint: error.hint ?? hint, cause: error });
  }
}

async function exportOf(path: string): Promise<unknown> {
  try {
    statSync(path);
  } catch (error) {
    throw new BorunaError("io_error", `cannot read ${path}: ${systemErrorText(error, "read")}`, { place: { file: path }, cause: error });
  }
  const url = pathToFileURL(resolve(path)).href;
  try {
    const { importModule } = await import("./import-module.ts");
    const module = await importModule(url);
    return typeof module === "object" && module !== null && "capabilities" in module ? module.capabilities : undefined;
  } catch (error) {
    throw new BorunaError("capability.not_loaded", `${path} could not be loaded: ${firstLine(error)}`, {
      place: placeIn(path, url, error),
      hint:
        error instanceof SyntaxError
          ? `\`node --check ${path}\` shows where`
          : "`--capabilities` takes a JavaScript module that Node can import, such as caps.mjs",
      cause: error,
    });
  }
}

function firstLine(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message.split("\n", 1)[0] ?? ""}` : `it threw a ${typeof error}`;
}

/** Returns the place of an error that a user's module threw: the file, and the line of the file that is innermost in the stack, if there is one. */
function placeIn(file: string, url: string, error: unknown): ErrorPlace {
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  const at = stack.indexOf(`${url}:`);
  const line = at < 0 ? undefined : /^\d+/.exec(stack.slice(at + url.length + 1))?.[0];
  return line === undefined ? { file } : { file, line: Number(line) };
}
