/** Makes the module and the declaration of an import from the tools that a server lists. Does no I/O. */
import { formatSource } from "../compiler/format/format.ts";
import { BorunaError } from "../vm/error.ts";
import { isJsonObject, type JsonData, jsonObjectOf } from "../vm/json/json.ts";
import { replaceUnsafe } from "../vm/terminal-text.ts";
import type { DeclaredTool, ToolDeclaration, ToolServerSettings } from "./declaration.ts";
import { moduleText, type ShapedTool } from "./module-text.ts";
import { pascalCase, snakeCase, UniqueNames } from "./names.ts";
import { contractPin, descriptionPin, type ListedTool } from "./pins.ts";
import { type Note, type Shape, ShapeReader, smallestValue } from "./shapes.ts";

/** A tool that is not imported. */
export interface RefusedTool {
  readonly tool: string;
  readonly reason: string;
}

/** What an import makes of the tools of a server. */
export interface ToolImport {
  readonly declaration: ToolDeclaration;
  /** The formatted text of the module. */
  readonly text: string;
  /** One note for each part of a schema for which there is no type, so that it became Json. */
  readonly notes: readonly (Note & { readonly functionName: string })[];
  readonly refused: readonly RefusedTool[];
}

export interface ImportOptions extends ToolServerSettings {
  readonly tools: readonly ListedTool[];
  /** New names of tools, by their names on the server. */
  readonly renames: ReadonlyMap<string, string>;
}

/** Returns the name without its prefix: `fs` for `mcp_fs`. */
const shortName = (name: string): string => name.replace(/^mcp_/, "");

/**
 * Makes an import. Throws `usage` if two tools have the same name, if a renamed tool does not exist, or if no tool of the server can be
 * imported.
 */
export function importTools(options: ImportOptions): ToolImport {
  const { tools, renames, ...settings } = options;
  const unknown = [...renames.keys()].find((old) => !tools.some(({ name }) => name === old));
  if (unknown !== undefined) throw new BorunaError("usage", `--rename ${unknown}: the server has no tool with this name`);
  const typeNames = new UniqueNames();
  const refused: RefusedTool[] = [];
  const read: ReadTool[] = [];
  for (const tool of tools) {
    const result = readTool(tool, settings.name, renames.get(tool.name), typeNames);
    if ("reason" in result) refused.push(result);
    else read.push(result);
  }
  if (read.length === 0) throw new BorunaError("usage", "the server has no tool that can be imported", { hint: refused[0]?.reason });
  rejectClashes(read);
  return {
    declaration: { ...settings, tools: read.map(({ declared }) => declared) },
    text: formatModule(
      moduleText(
        shortName(settings.name),
        read.map(({ shaped }) => shaped),
      ),
    ),
    notes: read.flatMap(({ notes, shaped }) => notes.map((note) => ({ ...note, functionName: shaped.functionName }))),
    refused,
  };
}

/** A tool that can be imported. */
interface ReadTool {
  /** Its entry in the declaration file. */
  readonly declared: DeclaredTool;
  /** What its part of the module is made from. */
  readonly shaped: ShapedTool;
  readonly notes: readonly Note[];
}

/** Limits in UTF-16 code units on the name of a capability and on its description. */
const MAX_CAPABILITY_CHARS = 128;
const MAX_DOC_CHARS = 400;

function readTool(tool: ListedTool, server: string, rename: string | undefined, typeNames: UniqueNames): ReadTool | RefusedTool {
  if (tool.isTaskOnly) return { tool: tool.name, reason: "it can only be called as a task" };
  const name = rename ?? snakeCase(tool.name, "tool");
  const capability = `${server}.${name}`;
  if (capability.length > MAX_CAPABILITY_CHARS)
    return { tool: tool.name, reason: `its name is too long; rename it with --rename ${tool.name}=NEW` };
  const functionName = `${shortName(server)}_${name}`;
  const prefix = pascalCase(functionName);
  const input = new ShapeReader(tool.inputSchema, `${prefix}Args`, typeNames);
  const output = tool.outputSchema === undefined ? undefined : new ShapeReader(tool.outputSchema, `${prefix}Answer`, typeNames);
  try {
    const inputShape = takesNothing(tool.inputSchema) ? undefined : input.read("args");
    const outputShape = output?.read("answer");
    return {
      declared: {
        tool: tool.name,
        capability,
        pin: contractPin(tool),
        descriptionPin: descriptionPin(tool),
        hasOutput: outputShape !== undefined,
        mayRepeat: tool.mayRepeat,
        doc: shortDescription(tool.description),
        mock: mockOf(capability, outputShape),
      },
      shaped: {
        capability,
        functionName,
        description: tool.description,
        input: inputShape,
        inputTypes: input.definitions,
        output: outputShape,
        outputTypes: output?.definitions ?? [],
      },
      notes: [...input.notes, ...(output?.notes ?? [])],
    };
  } catch (error) {
    if (!(error instanceof BorunaError) || error.kind !== "capability.not_importable") throw error;
    return { tool: tool.name, reason: error.message };
  }
}

/** Whether the schema describes an object without members. */
function takesNothing(schema: JsonData): boolean {
  if (!isJsonObject(schema)) return false;
  const properties = schema.get("properties") ?? new Map();
  const others = schema.get("additionalProperties") ?? false;
  const keywords = new Set(["type", "properties", "required", "additionalProperties", "$schema", "title", "description"]);
  return isJsonObject(properties) && properties.size === 0 && others === false && [...schema.keys()].every((key) => keywords.has(key));
}

function mockOf(capability: string, output: Shape | undefined): JsonData {
  if (output !== undefined) return smallestValue(output);
  return jsonObjectOf(["content", [jsonObjectOf(["type", "text"], ["text", `mock answer of ${capability}`])]]);
}

function shortDescription(description: string): string {
  const text = replaceUnsafe(description.replace(/\s+/g, " "), () => "").trim();
  return text.length <= MAX_DOC_CHARS ? text : `${text.slice(0, MAX_DOC_CHARS).replace(/\s+\S*$/, "")} …`;
}

/** Throws `usage` if two functions of the module have the same name. */
function rejectClashes(tools: readonly ReadTool[]): void {
  const owners = new Map<string, string>();
  for (const { declared, shaped } of tools) {
    for (const name of [shaped.functionName, `${shaped.functionName}_args`]) {
      const other = owners.get(name);
      if (other !== undefined)
        throw new BorunaError(
          "usage",
          `the tools ${JSON.stringify(other)} and ${JSON.stringify(declared.tool)} would have the same name, ${name}`,
          {
            hint: `rename one: --rename ${JSON.stringify(declared.tool)}=NEW`,
          },
        );
      owners.set(name, declared.tool);
    }
  }
}

function formatModule(text: string): string {
  const result = formatSource({ name: "module", text });
  if (result.ok) return result.text;
  throw new BorunaError("internal", `the module of an import has a syntax error: ${result.diagnostics[0]?.message ?? ""}`);
}
