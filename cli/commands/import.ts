/** `boruna import mcp`: asks a server for its tools, and writes a module and a declaration file. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { check } from "../../compiler/compile.ts";
import { createRegistry } from "../../gateway/own-capabilities.ts";
import { capabilitySpec } from "../../mcp-tools/capability-spec.ts";
import type { ConnectOptions } from "../../mcp-tools/client/mcp-client.ts";
import { ServerFailure } from "../../mcp-tools/client/server-failure.ts";
import { DEFAULT_SETTINGS, declarationToJson, type ServerAddress, serverUrl, type ToolDeclaration } from "../../mcp-tools/declaration.ts";
import { importTools, type ToolImport } from "../../mcp-tools/import-tools.ts";
import { readDeclarationFile } from "../../mcp-tools/imported-tools.ts";
import { MODULE_MARK } from "../../mcp-tools/module-text.ts";
import { wordsOf } from "../../mcp-tools/names.ts";
import type { ListedTool } from "../../mcp-tools/pins.ts";
import { systemErrorText } from "../../replay/log/files.ts";
import { openSources } from "../../runtime/sources.ts";
import { importOptional } from "../../gateway/optional-package.ts";
import { BorunaError } from "../../vm/error.ts";
import { EXIT } from "../../vm/outcome.ts";
import { withProgress } from "../progress.ts";
import type { CommandSession } from "../session.ts";
import { printJson, type Terminal, withoutControlCharacters } from "../terminal.ts";

/** The options of `boruna import`, which `command-table.ts` explains. */
export interface ImportFlags {
  readonly name?: string;
  readonly rename?: readonly string[];
  readonly env?: readonly string[];
  readonly header?: readonly string[];
  readonly output?: string;
}

const NAME = /^[a-z][a-z0-9_]{0,31}$/;
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;
const HEADER = /^[A-Za-z0-9-]+$/;

export async function importMcpCommand(session: CommandSession, words: readonly string[], flags: ImportFlags): Promise<number> {
  const folder = flags.output ?? ".";
  const server = addressOf(words, flags);
  const renames = new Map((flags.rename ?? []).map((text) => splitPair("--rename", text, NAME)));
  if (flags.name !== undefined) checkName(flags.name);
  const listing = await withProgress(session, "import", (progress) => {
    progress.step("waiting for the server");
    return listTools({
      ...DEFAULT_SETTINGS,
      name: `mcp_${flags.name ?? "server"}`,
      server,
      cwd: resolve(folder),
      env: process.env,
    });
  });
  const name = `mcp_${flags.name ?? nameFrom(listing.serverName)}`;
  const made = importTools({ ...DEFAULT_SETTINGS, name, server, protocol: listing.protocol, tools: listing.tools, renames });
  const paths = { module: join(folder, `${name}.ax`), declaration: join(folder, `${name}.json`) };
  const before = previousDeclaration(paths);
  checkModule(paths.module, made);
  writeText(paths.module, made.text);
  writeText(paths.declaration, `${JSON.stringify(declarationToJson(made.declaration), undefined, 2)}\n`);
  report(session, made, paths, before === undefined ? undefined : changesOf(before, made.declaration));
  return EXIT.done;
}

function addressOf(words: readonly string[], { env = [], header = [] }: ImportFlags): ServerAddress {
  const [first = ""] = words;
  const headerVariables = new Map(header.map((text) => splitPair("--header", text, VARIABLE)));
  if (!/^https?:\/\//.test(first)) {
    if (header.length > 0) throw new BorunaError("usage", "--header is for a URL; a command gets variables with --env");
    for (const name of env) if (!VARIABLE.test(name)) throw new BorunaError("usage", `--env ${name}: expected the name of a variable`);
    return { command: words, variableNames: env };
  }
  if (words.length > 1) throw new BorunaError("usage", "expected one URL, or a command after `--`");
  if (env.length > 0) throw new BorunaError("usage", "--env is for a command; a URL gets headers with --header");
  const wrong = [...headerVariables.keys()].find((name) => !HEADER.test(name));
  if (wrong !== undefined) throw new BorunaError("usage", `--header ${wrong}: expected HEADER=VARIABLE`);
  return { url: serverUrl(first), headerVariables };
}

/** Splits the value of a flag at its last `=`: `read-file=read` or `Authorization=TOKEN`. `form` is the form of the second part. Throws `usage`. */
function splitPair(flag: string, text: string, form: RegExp): readonly [string, string] {
  const at = text.lastIndexOf("=");
  const [key, value] = [text.slice(0, at), text.slice(at + 1)];
  if (at > 0 && form.test(value)) return [key, value];
  const expected = flag === "--rename" ? "OLD=NEW, where NEW is a name in lower case" : "HEADER=VARIABLE";
  throw new BorunaError("usage", `${flag} ${text}: expected ${expected}`);
}

function checkName(name: string): void {
  if (NAME.test(name)) return;
  throw new BorunaError("usage", `--name ${name}: expected a name in lower case with at most 32 characters`, {
    hint: "for example: --name fs",
  });
}

/** Returns the default of `--name`, from the server's name for itself: `filesystem` for `mcp-server-filesystem`. Throws `usage`. */
function nameFrom(serverName: string): string {
  const name = wordsOf(serverName)
    .filter((word) => !["mcp", "server", "modelcontextprotocol"].includes(word))
    .join("_")
    .slice(0, 32);
  if (NAME.test(name)) return name;
  throw new BorunaError("usage", "the server has no name to call its tools by", { hint: "add --name NAME" });
}

const STOP_SIGNALS = [
  ["SIGINT", EXIT.interrupted],
  ["SIGTERM", EXIT.terminated],
  ["SIGHUP", EXIT.hungUp],
] as const;

interface Listing {
  readonly protocol: string;
  readonly serverName: string;
  readonly tools: readonly ListedTool[];
}

/** Asks the server. Throws `capability.not_importable` if it does not answer. */
async function listTools(options: Omit<ConnectOptions, "protocol">): Promise<Listing> {
  const { connect } = await importOptional("boruna import mcp", () => import("../../mcp-tools/client/mcp-client.ts"));
  // `process.exit` runs the code that ends the server. A signal without a handler would leave the server running.
  for (const [signal, code] of STOP_SIGNALS) process.once(signal, () => process.exit(code));
  try {
    const connection = await connect({ ...options, protocol: undefined });
    try {
      const tools = await connection.listTools(options.startTimeoutMs);
      return { protocol: connection.protocol, serverName: connection.serverName, tools };
    } finally {
      await connection.close();
    }
  } catch (error) {
    if (!(error instanceof ServerFailure)) throw error;
    const { stderr } = error;
    throw new BorunaError("capability.not_importable", error.message, {
      hint: stderr === "" ? undefined : `the end of its stderr:\n${stderr}`,
      cause: error,
    });
  }
}

interface Paths {
  readonly module: string;
  readonly declaration: string;
}

/** Returns the declaration of an earlier import, which this one replaces. Throws `usage` if the module's file was not made by an import. */
function previousDeclaration(paths: Paths): ToolDeclaration | undefined {
  if (existsSync(paths.module) && !readFileSync(paths.module, "utf8").startsWith(MODULE_MARK))
    throw new BorunaError("usage", `${paths.module} is there, and \`boruna import mcp\` has not written it`, {
      hint: "choose another --name",
    });
  return existsSync(paths.declaration) ? readDeclarationFile(paths.declaration) : undefined;
}

/** Compiles the module. Throws `capability.not_importable` for any error or warning, such as that a function hides the builtin of its name. */
function checkModule(path: string, { text, declaration }: ToolImport): void {
  const { source, resolve: resolveImport } = openSources(path, text);
  const registry = createRegistry(declaration.tools.map((tool) => capabilitySpec(tool)));
  const [problem] = check(source, { resolve: resolveImport, registry }).diagnostics;
  if (problem === undefined) return;
  const what = problem.severity === "error" ? "would not compile" : "would have a warning";
  throw new BorunaError("capability.not_importable", `the module ${what}: ${problem.message}`, {
    hint: "another --name, or --rename for one of the tools, may help",
  });
}

function writeText(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new BorunaError("io_error", `cannot write ${path}: ${systemErrorText(error, "write")}`, { place: { file: path }, cause: error });
  }
}

interface Changes {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
}

function changesOf(before: ToolDeclaration, after: ToolDeclaration): Changes {
  const old = new Map(before.tools.map((tool) => [tool.capability, tool]));
  const now = new Map(after.tools.map((tool) => [tool.capability, tool]));
  const inBoth = after.tools.filter(({ capability }) => old.has(capability));
  return {
    added: [...now.keys()].filter((name) => !old.has(name)),
    removed: [...old.keys()].filter((name) => !now.has(name)),
    changed: inBoth.filter(({ capability, pin }) => old.get(capability)?.pin !== pin).map(({ capability }) => capability),
  };
}

function report({ terminal, json }: CommandSession, made: ToolImport, paths: Paths, changes: Changes | undefined): void {
  const { notes, refused, declaration } = made;
  if (json) {
    const tools = declaration.tools.map(({ tool, capability, pin }) => ({ tool, capability, pin }));
    printJson(terminal, { ok: true, ...paths, protocol: declaration.protocol, tools, json: notes, refused, changes: changes ?? null });
    return;
  }
  const print = (text: string): void => printLine(terminal, text);
  print(`${declaration.tools.length} ${declaration.tools.length === 1 ? "tool" : "tools"}: ${paths.module}, ${paths.declaration}`);
  for (const { functionName, path, reason } of notes) print(`note: ${functionName}: ${path} is Json: ${reason}`);
  for (const { tool, reason } of refused) print(`left out: ${tool}: ${reason}`);
  if (changes === undefined) return;
  for (const what of ["added", "removed", "changed"] as const) if (changes[what].length > 0) print(`${what}: ${changes[what].join(", ")}`);
}

function printLine(terminal: Terminal, text: string): void {
  terminal.err(withoutControlCharacters(text));
}
