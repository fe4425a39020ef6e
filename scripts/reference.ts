/**
 * The reference pages under docs/, made from the tables in the code. `npm run docs` writes them, the editors'
 * grammar and the compiler's table of the libraries; tests hold them against what they are made from.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type DiagnosticCode, DIAGNOSTICS } from "../compiler/diagnostics.ts";
import { elisionNote, type Example, EXPLANATIONS, isDiagnosticCode } from "../compiler/explanations.ts";
import { ENCODINGS, ESCAPES, MAX_ESCAPES, MIN_ENCODED } from "../gateway/handlers/spellings.ts";
import { policyFieldDocs } from "../policy/json-schema.ts";
import { ATTRIBUTES, SPANS } from "../telemetry/attributes.ts";
import { MAX_IN_FLIGHT } from "../telemetry/delivery.ts";
import { readTelemetrySettings } from "../telemetry/settings.ts";
import { BUILTINS } from "../vm/builtins/builtin-table.ts";
import { BYTES, UNITS, UNITS_PER_STEP } from "../vm/cost.ts";
import { LIMITS, MACHINE_LIMITS, MODULE_LIMITS } from "../vm/limits.ts";
import { canonicalJson } from "../vm/json/json.ts";
import { isOpName, opcode, OPCODES } from "../vm/bytecode/opcodes.ts";
import { EXIT, EXIT_DOCS, OUTCOMES, TRAPS } from "../vm/outcome.ts";
import { capabilitiesPage } from "./capability-page.ts";
import { LIBRARY_TABLE_FILE, libraryPages, libraryTable } from "./libraries.ts";
import { cell, code, page, table } from "./markdown.ts";
import { grammar, GRAMMAR_FILE } from "./grammar.ts";

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

/** The language page is written by hand, but for its table of traps. */
function language(): string {
  const byPlace = new Map<string, string[]>();
  for (const [name, trap] of Object.entries(TRAPS)) {
    if (!("where" in trap)) continue;
    byPlace.set(trap.where, [...(byPlace.get(trap.where) ?? []), code(name)]);
  }
  const rows = [...byPlace].map(([where, names]) => [names.join(", "), cell(where)]);
  const text = readFileSync(`${DOCS_FOLDER}reference/language.md`, "utf8");
  return text.replace(/\| trap \| where \|\n(?:\|.*\n)+/, () => `${table(["trap", "where"], rows).trimEnd()}\n`);
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
    "## What is charged",
    `An instruction is one step. Work on large operands adds a step for every ${UNITS_PER_STEP} units, charged before the work; the formula of each builtin is in [builtins.md](builtins.md). The end of an actor's turn is charged a \`value\` for each of its calls in progress.`,
    table(
      ["unit of work", "units"],
      Object.entries(UNITS).map(([name, units]) => [code(name), String(units)]),
    ),
    "A value charges its bytes before it is made: a String its header and code units, a list or record its header and a slot for each part, a pushed or sliced list `push`. Unit, Bool, Int, Float, None and actor ids charge nothing of their own. Why the numbers are what they are is in [ADR 011](../internals/adr/011-what-allocation-counts.md).",
    table(
      ["part of a value", "bytes"],
      Object.entries(BYTES).map(([name, bytes]) => [code(name), String(bytes)]),
    ),
    "A join of two Strings charges the String that it makes. An append to a local, `s = s ++ a` or `s = s ++ a ++ b`, charges less: for each join a header and the code units of the shorter String. The first use of `s` for anything else than a further append charges the code units of `s` then, once; so a text that is built in a loop and used after it costs about twice its size, and one that is used in every turn costs its size in every turn ([ADR 013](../internals/adr/013-appends.md)).",
    `Arguments and answers of capability calls, messages, emitted trees, guard labels and function names in events charge ${UNITS.codedUnit} units for each code unit of their texts, whether a log is written or not ([ADR 015](../internals/adr/015-what-logging-costs.md)). An event that would take the records beyond \`max_log_bytes\` is not written and ends the run with \`log_limit\`; only the answer of a call is written first.`,
  );
}

const PATHS = `## Paths

A folder in \`fs_policy\` is absolute or relative to the working directory. What the path of a call means:

- A path below an allowed folder, absolute or seen from the working directory, is that file.
- Any other relative path is taken as inside an allowed folder: the first one that holds such a file, or the first of the list. With \`"read": ["./notes"]\`
  both \`notes/a.txt\` and \`a.txt\` are \`./notes/a.txt\`, and \`other/a.txt\` is \`./notes/other/a.txt\`: most likely the failure \`no such file\`. A write of it makes that file.
- An absolute path elsewhere, a path that leads out with \`..\`, and one that leads out through a link are denied. The run ends with exit code 3, also under \`try\`.
- The log of the run (\`--record\`) and its folder of blobs are closed to its calls, by whatever name or link: such a call is denied, and a list does not name them.
- Files named \`.boruna-….tmp\` are writes in progress: a read does not see them, and the next write into their folder removes those whose process no longer exists. A failed write takes back the folders that it made.

\`read\` may name single files. \`write\` names folders: a write fails where an entry is a file, or is not there and has the name of one (\`./out/report.txt\`); name the folder, \`./out\`.`;

const WARNINGS = `## Warnings

\`boruna policy validate\` warns of what is valid and has no effect, or another than it seems: a section whose capability no rule allows (\`net_policy\` without
\`net.fetch\`), a budget of 0, which is no limit, a budget of a capability that is not allowed, \`fs.read\` or \`fs.write\` without folders, a secret or a model that can never be
used, a host that no URL has. The exit code stays 0; with \`--json\` they are the list \`warnings\`, each with \`file\`, \`line\`, \`column\`, \`path\` and \`message\`.`;

const HOSTS = `## Hosts

A URL is read by the WHATWG parser, and its host compared with \`net_policy.allowed_domains\` in lower case, without a final dot, in ASCII: \`münchen.example\` is
\`xn--mnchen-3ya.example\`. URL parsers of different versions of Node do not agree on every name beyond ASCII. So that a policy decides alike on all of them, these are
not hosts: a label \`xn--…\` that does not decode or does not encode to itself, marks and jamo that join the character before them (write \`ü\`, not \`u\` and a mark), characters that are newer than Unicode 15.1
or whose mapping has changed since, scripts outside the basic plane but for emoji and ideographs, and right-to-left names with anything but Hebrew or Arabic letters,
digits after the first letter, and labels of ASCII that begin with a letter.

An address is public unless IANA's special-purpose registries say otherwise; 168.63.129.16, where Azure has services of the host, is not public either.`;

function policy(): string {
  const rows = policyFieldDocs().map((f) => [
    code(f.path),
    cell(f.form),
    f.default === undefined ? "" : code(canonicalJson(f.default)),
    cell(f.doc),
  ]);
  return page("Policy fields", table(["field", "form", "default", "meaning"], rows), WARNINGS, HOSTS, PATHS);
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
    delivery(),
  );
}

function delivery(): string {
  const settings = readTelemetrySettings({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318" });
  if ("problem" in settings || !settings.on) throw new Error("spans are off");
  const { batch, exportMs, shutdownMs } = settings;
  return `## Delivery

Spans wait in a queue of ${batch.maxQueueSize} (\`OTEL_BSP_MAX_QUEUE_SIZE\`) and are sent ${batch.maxExportBatchSize} at a time (\`OTEL_BSP_MAX_EXPORT_BATCH_SIZE\`), up to ${MAX_IN_FLIGHT} requests at once.
An answer of 429, 502, 503 or 504 and a lost connection are tried again, after the time of \`Retry-After\` or growing pauses, as OTLP says. One batch, its retries included, may take ${exportMs / 1_000} s (\`OTEL_EXPORTER_OTLP_TIMEOUT\`).

**A full queue.** A run without \`max_wall_ms\` waits before its next call until there is room, so a slow collector loses no span. A run with \`max_wall_ms\` never waits: spans without room are dropped. Neither
changes steps, log or result, and Ctrl-C ends a run that waits. A collector that keeps a batch for longer than \`OTEL_EXPORTER_OTLP_TIMEOUT\`, its retries included, is dead: that batch is lost, and the run does not wait again until the collector accepts one.
So a run waits at most once that long for a collector that hangs. It never waits for one that has refused every connection so far.

**The end.** The run span goes first. What the collector has not accepted after \`BORUNA_OTEL_SHUTDOWN_MS\` (${shutdownMs}) is given up. Where the connection is refused and no export of the run succeeded, the process ends at once.

One line on stderr counts what was lost and says why: spans without room, spans that the collector rejected in a partial success, statuses, lost connections, missing answers. Nothing of this changes the exit code. Why Boruna sends spans itself is in [ADR 022](../internals/adr/022-spans-are-sent-by-boruna.md).`;
}

/** The written page with its list of spellings replaced. */
function threatModel(): string {
  const escapes = ESCAPES.map((e) => `- **${e.name}**: ${e.doc}`);
  const encodings = ENCODINGS.map((e) => `- **${e.name}**: ${e.doc}`);
  const lines = [
    "A secret is found when it is written in one of these ways:",
    encodings.join("\n"),
    `and that without or with escapes, up to ${MAX_ESCAPES} kinds or times one inside the other (JSON in JSON, HTML in JSON, …):`,
    escapes.join("\n"),
    `One of fewer than ${MIN_ENCODED} characters is found as it is only. One that a header cannot hold is never sent, and not searched for.`,
  ];
  const written = readFileSync(`${DOCS_FOLDER}guide/threat-model.md`, "utf8");
  return written.replace(
    /(<!-- Made from [^\n]*-->\n)[^]*?(<!-- end -->)/,
    (_, start: string, end: string) => `${start}${lines.join("\n\n")}\n${end}`,
  );
}

/** Every page by its path below docs/. */
export function referencePages(): ReadonlyMap<string, string> {
  return new Map([
    ["reference/bytecode.md", bytecode()],
    ["reference/builtins.md", builtins()],
    ["reference/capabilities.md", capabilitiesPage()],
    ["reference/diagnostics.md", diagnostics()],
    ["reference/language.md", language()],
    ["reference/limits.md", limits()],
    ["reference/outcomes.md", outcomes()],
    ["reference/policy.md", policy()],
    ["reference/spans.md", spans()],
    ["guide/threat-model.md", threatModel()],
    ...libraryPages(page),
  ]);
}

export const DOCS_FOLDER = fileURLToPath(new URL("../docs/", import.meta.url));

if (import.meta.url === new URL(process.argv[1] ?? "", "file:").href) {
  mkdirSync(`${DOCS_FOLDER}reference/std`, { recursive: true });
  for (const [name, text] of referencePages()) writeFileSync(`${DOCS_FOLDER}${name}`, text);
  writeFileSync(GRAMMAR_FILE, grammar());
  writeFileSync(LIBRARY_TABLE_FILE, libraryTable());
}
