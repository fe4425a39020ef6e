/**
 * The reference pages under docs/, made from the tables in the code. `npm run docs` writes them and the
 * editors' grammar; tests hold both against the tables.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type DiagnosticCode, DIAGNOSTICS } from "../compiler/diagnostics.ts";
import { elisionNote, type Example, EXPLANATIONS, isDiagnosticCode } from "../compiler/explanations.ts";
import { policyFieldDocs } from "../policy/schema.ts";
import { ATTRIBUTES, SPANS } from "../telemetry/attributes.ts";
import { BUILTINS } from "../vm/builtins.ts";
import { BUILTIN_REGISTRY } from "../vm/capabilities.ts";
import { LIMITS, MACHINE_LIMITS, MODULE_LIMITS } from "../vm/limits.ts";
import { canonicalJson } from "../vm/json.ts";
import { isOpName, opcode, OPCODES } from "../vm/opcodes.ts";
import { EXIT, EXIT_DOCS, OUTCOMES, TRAPS } from "../vm/outcome.ts";
import { typeToString } from "../vm/types.ts";
import { textForm } from "../vm/text.ts";
import { libraryPages } from "./libraries.ts";
import { grammar, GRAMMAR_FILE } from "./grammar.ts";

const MADE = "<!-- Made from the code by `npm run docs`; a test compares. -->";
const code = (text: string): string => `\`${text.replace(/\|/g, "\\|")}\``;
const cell = (text: string): string => text.replace(/\|/g, "\\|").replace(/\n/g, " ");

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [`| ${head.join(" | ")} |`, `|${head.map(() => "---").join("|")}|`, ...rows.map((row) => `| ${row.join(" | ")} |`)].join("\n");
}

function page(title: string, ...parts: readonly string[]): string {
  return `${[`# ${title}`, MADE, ...parts].join("\n\n")}\n`;
}

function bytecode(): string {
  const names = Object.keys(OPCODES).filter(isOpName);
  const rows = names
    .map((name) => ({ name, row: opcode(name) }))
    .sort((a, b) => a.row.tag - b.row.tag)
    .map(({ name, row }) => [
      row.tag.toString(16).toUpperCase().padStart(2, "0"),
      code(name),
      row.operands.join(", "),
      cell(row.stack),
      row.traps ? "yes" : "",
      row.ours === true ? "ours" : "1.1",
      cell(row.doc),
    ]);
  return page(
    "Instructions",
    "One step each; builtins, comparisons and joins charge further steps by the size of what they read or make. The file format is described in [module-format.md](module-format.md).",
    table(["tag", "name", "operands", "stack", "traps", "since", "meaning"], rows),
  );
}

function capabilities(): string {
  const rows = BUILTIN_REGISTRY.all.map((c) => [
    String(c.id),
    code(c.name),
    code(c.call),
    c.signatures.map((s) => code(typeToString(s.result))).join(" or "),
    c.version,
    cell(c.doc),
  ]);
  const defaults = BUILTIN_REGISTRY.all.flatMap((c) =>
    c.signatures.flatMap((s) =>
      s.params.map((p) => [
        code(c.name),
        code(p.name),
        code(typeToString(p.type)),
        p.default === undefined ? "" : code(textForm(p.default)),
      ]),
    ),
  );
  return page(
    "Capabilities",
    table(["id", "name", "call", "result", "version", "meaning"], rows),
    "## Parameters",
    table(["capability", "parameter", "type", "default"], defaults),
    `Capability set: ${code(BUILTIN_REGISTRY.setHash)}`,
  );
}

function builtins(): string {
  const rows = [...BUILTINS].map((b) => [
    code(b.name),
    b.oldNames.map(code).join(" "),
    code(b.type),
    cell(b.doc),
    `${code(b.example)} gives ${code(b.exampleResult)}`,
    cell(b.cost),
  ]);
  return page(
    "Builtins",
    "Pure functions that every program can call. A bare name is a value of its function type.",
    table(["name", "old names", "type", "meaning", "example", "steps"], rows),
  );
}

/** The program and the files beside it, each in a block of its own. */
function exampleBlocks(example: Example): readonly string[] {
  const block = (text: string): string => `\`\`\`ax\n${text}\n\`\`\``;
  const note = elisionNote(example);
  const beside = Object.entries(example.beside ?? {}).flatMap(([name, text]) => [`with ${code(name)} beside it:`, block(text)]);
  return [block(example.text), ...(note === undefined ? [] : [note]), ...beside];
}

function explanation(name: DiagnosticCode): readonly string[] {
  const { title, severity } = DIAGNOSTICS[name];
  const shown = EXPLANATIONS[name];
  const examples =
    "unreachable" in shown ? [shown.reason] : ["Wrong:", ...exampleBlocks(shown.wrong), "Right:", ...exampleBlocks(shown.right)];
  return [`## ${name}`, `**${severity}: ${title}.** ${shown.why}`, ...examples];
}

function diagnostics(): string {
  const codes = Object.keys(DIAGNOSTICS).filter(isDiagnosticCode);
  return page(
    "Diagnostics",
    "`boruna explain CODE` prints a section of this page, and what the compiler says of the wrong program.",
    table(
      ["code", "severity", "title", "meaning"],
      codes.map((name) => {
        const d = DIAGNOSTICS[name];
        return [`[${name}](#${name.toLowerCase()})`, d.severity, d.title, cell(d.doc)];
      }),
    ),
    ...codes.flatMap(explanation),
  );
}

function outcomes(): string {
  const traps = Object.entries(TRAPS).map(([name, t]) => [code(name), t.outcome, cell(t.doc)]);
  const exits = Object.entries(EXIT_DOCS).map(([name, doc]) => [
    String(Object.entries(EXIT).find(([key]) => key === name)?.[1]),
    cell(doc),
  ]);
  return page(
    "Outcomes, traps, exit codes",
    table(
      ["outcome", "exit code", "span is an error", "meaning"],
      Object.entries(OUTCOMES).map(([name, o]) => [code(name), String(o.exitCode), o.spanError ? "yes" : "no", cell(o.doc)]),
    ),
    "## Traps",
    table(["trap", "outcome", "meaning"], traps),
    "## Other exit codes",
    table(["exit code", "when"], exits),
  );
}

function limits(): string {
  const fixed = Object.entries({ ...MACHINE_LIMITS, ...MODULE_LIMITS }).map(([name, value]) => [code(name), String(value)]);
  return page(
    "Limits",
    table(
      ["limit", "default", "unit", "meaning"],
      Object.entries(LIMITS).map(([name, l]) => [code(name), String(l.default), l.unit, cell(l.doc)]),
    ),
    "## Fixed",
    table(["limit", "value"], fixed),
  );
}

function policy(): string {
  const rows = policyFieldDocs().map((f) => [
    code(f.path),
    cell(f.form),
    f.default === undefined ? "" : code(canonicalJson(f.default)),
    cell(f.doc),
  ]);
  return page("Policy fields", table(["field", "form", "default", "meaning"], rows));
}

function spans(): string {
  const rows = Object.entries(ATTRIBUTES).map(([name, a]) => [
    code(name),
    a.spans.map(code).join(" "),
    a.type,
    "when" in a ? cell(a.when) : "always",
    cell(a.doc),
  ]);
  return page(
    "Spans",
    table(
      ["span", "meaning"],
      Object.entries(SPANS).map(([name, s]) => [code(name), cell(s.doc)]),
    ),
    "## Attributes",
    table(["attribute", "on", "type", "when", "meaning"], rows),
  );
}

/** Every page by its file name. */
export function referencePages(): ReadonlyMap<string, string> {
  return new Map([
    ["bytecode.md", bytecode()],
    ["builtins.md", builtins()],
    ["capabilities.md", capabilities()],
    ["diagnostics.md", diagnostics()],
    ["limits.md", limits()],
    ["outcomes.md", outcomes()],
    ["policy.md", policy()],
    ["spans.md", spans()],
    ...libraryPages(page),
  ]);
}

export const REFERENCE_FOLDER = fileURLToPath(new URL("../docs/", import.meta.url));

if (import.meta.url === new URL(process.argv[1] ?? "", "file:").href) {
  mkdirSync(`${REFERENCE_FOLDER}std`, { recursive: true });
  for (const [name, text] of referencePages()) writeFileSync(`${REFERENCE_FOLDER}${name}`, text);
  writeFileSync(GRAMMAR_FILE, grammar());
}
