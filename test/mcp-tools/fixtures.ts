/** Imports the tools of test servers into temporary folders, and runs programs with them. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compile } from "../../compiler/compile.ts";
import { createRegistry } from "../../gateway/own-capabilities.ts";
import { connect } from "../../mcp-tools/client/mcp-client.ts";
import { DEFAULT_SETTINGS, declarationToJson, type ServerAddress, type ToolDeclaration } from "../../mcp-tools/declaration.ts";
import { importTools, type ToolImport } from "../../mcp-tools/import-tools.ts";
import { type ImportedTools, openImportedTools } from "../../mcp-tools/imported-tools.ts";
import { type MemoryRecorder, memoryRecorder, type Recorder } from "../../replay/log/recorder.ts";
import type { RunDescription } from "../../replay/log/run-description.ts";
import { type Execution, execute, type RunOptions } from "../../runtime/execute.ts";
import { openSources } from "../../runtime/sources.ts";
import { afterFile, temporaryFolder } from "../after-file.ts";

const SERVER = fileURLToPath(new URL("server.mjs", import.meta.url));

type CommandAddress = Extract<ServerAddress, { readonly command: readonly string[] }>;

/** The command that starts `server.mjs`, which behaves as `behavior` says. */
export const serverCommand = (behavior: string, ...args: readonly string[]): CommandAddress => ({
  command: [process.execPath, SERVER, behavior, ...args],
  variableNames: [],
});

/** Imports the tools of a server as `mcp_t`, into a new folder. */
export async function importFrom(
  server: ServerAddress,
  cwd = temporaryFolder(),
): Promise<{ readonly folder: string; readonly made: ToolImport }> {
  const settings = { ...DEFAULT_SETTINGS, name: "mcp_t", server };
  const connection = await connect({ ...settings, protocol: undefined, cwd, env: process.env });
  const tools = await connection.listTools(settings.startTimeoutMs);
  const made = importTools({ ...settings, protocol: connection.protocol, tools, renames: new Map() });
  await connection.close();
  writeFileSync(join(cwd, "mcp_t.ax"), made.text);
  writeDeclaration(cwd, made.declaration);
  return { folder: cwd, made };
}

export function writeDeclaration(folder: string, declaration: ToolDeclaration): void {
  writeFileSync(join(folder, "mcp_t.json"), JSON.stringify(declarationToJson(declaration)));
}

/** Imported tools, and a function that runs a program with them. */
export interface TestTools {
  readonly tools: ImportedTools;
  readonly warnings: readonly string[];
  run(body: string, options?: RunOptions): Promise<Execution>;
}

/** Opens the declaration in the folder. `run` runs a program whose `main` has the body, live and with every tool allowed. */
export function openTools(folder: string, env: Readonly<Record<string, string | undefined>> = process.env): TestTools {
  const warnings: string[] = [];
  const tools = openImportedTools(join(folder, "mcp_t.json"), { env, onWarning: (text) => warnings.push(text) });
  afterFile(() => tools.close());
  const registry = createRegistry(tools.capabilities);
  const row = tools.capabilities.map(({ name }) => name).join(", ");
  return {
    tools,
    warnings,
    run: (body, options = {}) => {
      const text = `import "./mcp_t.ax"\nimport "std-mcp"\nfn main() -> Result<Json, String> !{${row}, par} { ${body} }`.replace(
        ", par}",
        "}",
      );
      const path = join(folder, "main.ax");
      const { source, resolve } = openSources(path, text);
      const { module } = compile(source, { resolve, registry });
      return execute(module, { registry, policy: "allow-all", live: true, ...options });
    },
  };
}

/** The lines that a test server has written to its folder. */
export function traceOf(folder: string): readonly string[] {
  return readFileSync(join(folder, "trace"), "utf8").trimEnd().split("\n");
}

/** A log in memory. `text` returns it after the run. */
export function inMemory(): { readonly record: (run: RunDescription) => Recorder; text(): string } {
  let recorder: MemoryRecorder | undefined;
  return {
    record: (run) => (recorder = memoryRecorder(run)),
    text: () => new TextDecoder().decode(recorder?.bytes()),
  };
}
