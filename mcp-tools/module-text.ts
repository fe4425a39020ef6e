/**
 * The text of an imported module. For the tool `read` of the server `fs`:
 *
 *     export type FsReadArgs { path: String, head: Option<Int> }
 *
 *     export fn fs_read_args(path: String) -> FsReadArgs { … }                 takes the required arguments
 *     export fn fs_read(args: FsReadArgs) -> Result<ToolText, String> !{mcp_fs.read} { … }
 *
 *     fn write_fs_read_args(value: FsReadArgs) -> Json { … }                   converts the record to the server's JSON
 *
 * For a tool with an output schema, the module also has the types of its answer, and a `read_` function for each, which converts Json to the
 * type. The text depends only on the tools, so importing the same tools again makes the same text.
 */
import { replaceUnsafe } from "../vm/terminal-text.ts";
import { isFreeName, snakeCase } from "./names.ts";
import type { Definition, EnumShape, Field, RecordShape, Shape, UnionShape } from "./shapes.ts";

/** A tool, and the shapes that `ShapeReader` has made of its schemas. */
export interface ShapedTool {
  /** Such as `mcp_fs.read`. */
  readonly capability: string;
  /** Such as `fs_read`. */
  readonly functionName: string;
  readonly description: string;
  /** Undefined if the tool takes no arguments. */
  readonly input: Shape | undefined;
  readonly inputTypes: readonly Definition[];
  /** Undefined if the tool has no output schema. */
  readonly output: Shape | undefined;
  readonly outputTypes: readonly Definition[];
}

/** The first words of every imported module. `boruna import mcp` replaces only files that begin with them. */
export const MODULE_MARK = "// Made by `boruna import mcp`";

/** Returns the unformatted text of the module. */
export function moduleText(server: string, tools: readonly ShapedTool[]): string {
  const head = [
    `${MODULE_MARK} from the tools of a server. Do not edit it: import again.`,
    `// Run programs that import it with \`--capabilities mcp_${server}.json\`.`,
    'import "std-mcp"',
  ];
  return [head.join("\n"), ...tools.flatMap(toolItems)].join("\n\n");
}

function toolItems(tool: ShapedTool): readonly string[] {
  const { input, inputTypes, outputTypes } = tool;
  const args = input?.kind === "named" && input.definition.kind === "record" ? [argsFunction(tool, input.definition)] : [];
  return [
    ...inputTypes.map(typeItem),
    ...args,
    toolFunction(tool),
    ...outputTypes.map(typeItem),
    ...inputTypes.map(writeFunctionItem),
    ...outputTypes.map(readFunctionItem),
  ];
}

function toolFunction({ capability, functionName, description, input, output }: ShapedTool): string {
  const params = input === undefined ? "" : `args: ${typeText(input)}`;
  const jsonArgs = input === undefined ? "Json::Object({})" : writeExpr(input, "args");
  const answer = output === undefined ? "ToolText" : typeText(output);
  const call = `try ${capability}(${jsonArgs})?`;
  const body = output === undefined ? `tool_text(${call})` : `tool_answer(${axString(capability)}, ${readFunctionValue(output)}(${call}))`;
  return `${comment(description, 600)}export fn ${functionName}(${params}) -> Result<${answer}, String> !{${capability}} { ${body} }`;
}

/** Returns the `_args` function, which takes the required arguments and returns the record of all arguments. */
function argsFunction({ functionName }: ShapedTool, { name, fields }: RecordShape): string {
  const names = new Map(fields.map((field) => [field, isFreeName(field.name) ? field.name : `${field.name}_arg`]));
  const given = fields.filter(({ presence }) => presence !== "optional");
  const params = given.map((field) => `${names.get(field) ?? field.name}: ${fieldType(field)}`);
  const values = fields.map((field) => `${field.name}: ${field.presence === "optional" ? "None" : (names.get(field) ?? field.name)}`);
  return `export fn ${functionName}_args(${params.join(", ")}) -> ${name} { ${name} { ${values.join(", ")} } }`;
}

const SCALAR_TYPES = { json: "Json", bool: "Bool", int: "Int", float: "Float", string: "String" } as const;

function typeText(shape: Shape): string {
  switch (shape.kind) {
    case "list":
      return `List<${typeText(shape.item)}>`;
    case "map":
      return `Map<String, ${typeText(shape.item)}>`;
    case "named":
      return shape.definition.name;
    default:
      return SCALAR_TYPES[shape.kind];
  }
}

function fieldType({ shape, presence }: Field): string {
  return presence === "required" ? typeText(shape) : `Option<${typeText(shape)}>`;
}

function typeItem(definition: Definition): string {
  const { name } = definition;
  if (definition.kind === "record") return `export type ${name} {\n${fieldLines(definition.fields)}\n}`;
  const variants = definition.kind === "enum" ? definition.variants.map((v) => v.name) : definition.variants.map(variantText);
  return `export enum ${name} { ${variants.join(", ")} }`;
}

function variantText({ name, fields }: UnionShape["variants"][number]): string {
  return fields.length === 0 ? name : `${name} {\n${fieldLines(fields)}\n}`;
}

function fieldLines(fields: readonly Field[]): string {
  return fields.map((field) => `${comment(field.doc, 160)}${field.name}: ${fieldType(field)},`).join("\n");
}

const writerName = ({ name }: Definition): string => `write_${snakeCase(name, "value")}`;
const readerName = ({ name }: Definition): string => `read_${snakeCase(name, "value")}`;

/** Returns the .ax expression that converts `value` to Json. */
function writeExpr(shape: Shape, value: string): string {
  switch (shape.kind) {
    case "json":
      return value;
    case "bool":
    case "int":
    case "float":
    case "string":
      return `Json::${SCALAR_TYPES[shape.kind]}(${value})`;
    case "list":
      return `Json::List(${shape.item.kind === "json" ? value : `list.map(${value}, ${writeFunctionValue(shape.item)})`})`;
    case "map":
      return shape.item.kind === "json" ? `Json::Object(${value})` : `write_map(${value}, ${writeFunctionValue(shape.item)})`;
    case "named":
      return `${writerName(shape.definition)}(${value})`;
  }
}

/** Returns the .ax expression of a function that converts a value to Json. */
function writeFunctionValue(shape: Shape): string {
  return shape.kind === "named" ? writerName(shape.definition) : `fn(value) { ${writeExpr(shape, "value")} }`;
}

/** Whether `json.to` alone reads the shape, without a `read_` function. */
function isPlain(shape: Shape): boolean {
  return shape.kind === "list" || shape.kind === "map" ? isPlain(shape.item) : shape.kind !== "named";
}

/** Returns the .ax expression of a function that converts Json to a value. */
function readFunctionValue(shape: Shape): string {
  if (isPlain(shape)) return "json.to";
  switch (shape.kind) {
    case "list":
    case "map":
      return `fn(value) { read_${shape.kind}(value, ${readFunctionValue(shape.item)}) }`;
    case "named":
      return readerName(shape.definition);
    default:
      return "json.to";
  }
}

function writeFunctionItem(definition: Definition): string {
  const head = `fn ${writerName(definition)}(value: ${definition.name}) -> Json`;
  switch (definition.kind) {
    case "enum":
      return `${head} { Json::String(match value { ${definition.variants.map(({ name, jsonName }) => `${definition.name}::${name} => ${axString(jsonName)}`).join(", ")} }) }`;
    case "record":
      return `${head} {\n${buildObjectText(definition.fields, (field) => `value.${field.name}`, [])}\n}`;
    case "union":
      return `${head} { match value {\n${definition.variants.map((variant) => unionWriterArm(definition, variant)).join("\n")}\n} }`;
  }
}

function unionWriterArm({ name, tag }: UnionShape, variant: UnionShape["variants"][number]): string {
  const tagMember = `${axString(tag)}: Json::String(${axString(variant.jsonName)})`;
  if (variant.fields.length === 0) return `${name}::${variant.name} => Json::Object({ ${tagMember} })`;
  const bindings = variant.fields.map((field, i) => `${field.name}: part${i}`);
  const partOf = (field: Field): string => `part${variant.fields.indexOf(field)}`;
  return `${name}::${variant.name} { ${bindings.join(", ")} } => {\n${buildObjectText(variant.fields, partOf, [tagMember])}\n}`;
}

/**
 * Returns .ax code whose value is a Json object of the fields. `partOf` returns the expression for a field's value, such as `value.path`.
 * `firstMembers` are members of the object that are not fields, such as the tag of a union.
 */
function buildObjectText(fields: readonly Field[], partOf: (field: Field) => string, firstMembers: readonly string[]): string {
  const fixed = fields
    .filter(({ presence }) => presence !== "optional")
    .map(
      (field) =>
        `${axString(field.jsonName)}: ${field.presence === "required" ? writeExpr(field.shape, partOf(field)) : nullableText(field, partOf(field))}`,
    );
  const optional = fields.filter(({ presence }) => presence === "optional");
  const members = [...firstMembers, ...fixed];
  const object = members.length === 0 ? "{}" : `{ ${members.join(", ")} }`;
  if (optional.length === 0) return `Json::Object(${object})`;
  const additions = optional.map(
    (field) => `if let Some(given) = ${partOf(field)} { members[${axString(field.jsonName)}] = ${writeExpr(field.shape, "given")} }`,
  );
  return [`let mut members: Map<String, Json> = ${object}`, ...additions, "Json::Object(members)"].join("\n");
}

function nullableText({ shape }: Field, value: string): string {
  return `match ${value} { Some(given) => ${writeExpr(shape, "given")}, None => Json::Null }`;
}

function readFunctionItem(definition: Definition): string {
  const { name } = definition;
  const head = `fn ${readerName(definition)}(value: Json) -> Result<${name}, String>`;
  switch (definition.kind) {
    case "enum":
      return enumReader(definition, head);
    case "record":
      return `${head} {\n${openObjectLine(definition.fields)}Ok(${name} { ${readFields(definition.fields)} })\n}`;
    case "union": {
      const arms = definition.variants.map((variant) => {
        const fields = variant.fields.length === 0 ? "" : ` { ${readFields(variant.fields)} }`;
        return `${axString(variant.jsonName)} => Ok(${name}::${variant.name}${fields})`;
      });
      const wrong = `_ => Err(${axString(`$.${definition.tag}: expected ${jsonNamesText(definition.variants)}`)})`;
      return `${head} {\nlet members = read_object(value)?\nmatch read_member(members, ${axString(definition.tag)}, json.to)? {\n${[...arms, wrong].join("\n")}\n}\n}`;
    }
  }
}

const openObjectLine = (fields: readonly Field[]): string => (fields.length === 0 ? "" : "let members = read_object(value)?\n");

function enumReader({ name, variants }: EnumShape, head: string): string {
  const arms = variants.map((variant) => `Json::String(${axString(variant.jsonName)}) => Ok(${name}::${variant.name})`);
  return `${head} { match value {\n${[...arms, `_ => Err(${axString(`$: expected ${jsonNamesText(variants)}`)})`].join("\n")}\n} }`;
}

function jsonNamesText(variants: readonly { readonly jsonName: string }[]): string {
  const shown = variants.slice(0, 8).map(({ jsonName }) => JSON.stringify(jsonName));
  return shown.length < variants.length ? `${shown.join(", ")}, …` : shown.join(" or ");
}

const MEMBER_READERS = { required: "read_member", optional: "read_optional", nullable: "read_nullable" } as const;

function readFields(fields: readonly Field[]): string {
  return fields
    .map(
      ({ name, jsonName, shape, presence }) =>
        `${name}: ${MEMBER_READERS[presence]}(members, ${axString(jsonName)}, ${readFunctionValue(shape)})?`,
    )
    .join(", ");
}

/** Returns a string literal. Invisible characters are escaped. */
export function axString(text: string): string {
  const escaped = text.replaceAll("\\", "\\\\").replaceAll('"', '\\"');
  return `"${replaceUnsafe(escaped)}"`;
}

const COMMENT_WIDTH = 100;

/** Returns the beginning of a text as comment lines, or "". */
function comment(text: string, maxLength: number): string {
  const plain = replaceUnsafe(text.replace(/\s+/g, " "), () => "").trim();
  if (plain === "") return "";
  const shown = plain.length <= maxLength ? plain : `${plain.slice(0, maxLength).replace(/\s+\S*$/, "")} …`;
  const lines: string[] = [];
  let line = "//";
  for (const word of shown.split(" ")) {
    if (line.length > 2 && line.length + word.length >= COMMENT_WIDTH) {
      lines.push(line);
      line = "//";
    }
    line += ` ${word}`;
  }
  return `${[...lines, line].join("\n")}\n`;
}
