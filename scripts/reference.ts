/**
 * `npm run docs` generates the reference pages in docs/reference/ from the tables in the code, and also the editors' grammar
 * and the compiler's table of library exports. Tests check that the files in the repository are up to date.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type DiagnosticCode, DIAGNOSTICS } from "../compiler/diagnostics.ts";
import { elisionNote, type Example, EXPLANATIONS, isDiagnosticCode } from "../compiler/explanations.ts";
import { ANSWER_SCHEMA_LIMITS } from "../gateway/handlers/answer-schema.ts";
import { KEYWORDS, SCHEMA_LIMITS } from "../vm/json-schema/schema.ts";
import { DB_TYPES, OTHER_TYPE, readValue } from "../gateway/handlers/db-types.ts";
import { MAX_RESULT_BYTES } from "../gateway/handlers/db-statement.ts";
import { ENCODINGS, ESCAPES, MAX_ESCAPES, MIN_ENCODED_LENGTH } from "../gateway/handlers/spellings.ts";
import { policyFieldDocs } from "../policy/json-schema.ts";
import { ATTRIBUTES, SPANS } from "../telemetry/attributes.ts";
import { MCP_ATTRIBUTES } from "../telemetry/mcp-span.ts";
import { CHAT_ATTRIBUTES, chatSpanName, GEN_AI_OPT_IN, GEN_AI_VERSION } from "../telemetry/gen-ai.ts";
import { MAX_IN_FLIGHT } from "../telemetry/delivery.ts";
import { USAGE_FIELDS } from "../telemetry/usage/event.ts";
import { VARIABLES } from "../telemetry/variables.ts";
import { MAX_FLOW_SPANS } from "../gateway/flow.ts";
import { DURATION_BOUNDS, INSTRUMENTS, METRIC_ATTRIBUTES } from "../telemetry/instruments.ts";
import { readTelemetrySettings } from "../telemetry/settings.ts";
import { BUILTINS } from "../vm/builtins/builtin-table.ts";
import { BYTES, UNITS, MAX_COPIED_LIST, UNITS_PER_STEP } from "../vm/cost.ts";
import { LIMITS, MACHINE_LIMITS, MODULE_LIMITS } from "../vm/limits.ts";
import { canonicalJson } from "../vm/json/json.ts";
import { valueToTypedJson } from "../vm/json/typed-json.ts";
import { parseType } from "../vm/value/type.ts";
import { OPCODE_BY_TAG } from "../vm/bytecode/opcodes.ts";
import { EXIT, EXIT_DOCS, OUTCOMES, TRAPS } from "../vm/outcome.ts";
import { MAX_KEYS } from "../policy/approval-fields.ts";
import { MAX_PATH_STEPS, MAX_PATH_UNITS } from "../policy/argument-path.ts";
import { PARAMETER_FORMS } from "../policy/where.ts";
import { CONDITION_FIELDS, MAX_ALTERNATIVES, MAX_NAMES, MAX_PATHS, MAX_TEXT_UNITS, MAX_VALUES } from "../policy/where-fields.ts";
import { apiPage } from "./api-page.ts";
import { capabilitiesPage } from "./capability-page.ts";
import { LIBRARY_TABLE_FILE, libraryPages, libraryTable } from "./libraries.ts";
import { cell, code, page, table } from "./markdown.ts";
import { grammar, GRAMMAR_FILE } from "./grammar.ts";
import { llmsPages } from "./llms/llms.ts";

function bytecodePage(): string {
  const rows = [...OPCODE_BY_TAG.values()]
    .sort((a, b) => a.tag - b.tag)
    .map((opcode) => [
      opcode.tag.toString(16).toUpperCase().padStart(2, "0"),
      code(opcode.name),
      opcode.operands.join(", "),
      cell(opcode.stack),
      opcode.traps ? "yes" : "",
      opcode.extension === true ? "extension" : "1.1",
      cell(opcode.doc),
    ]);
  return page(
    "Instructions",
    "Each instruction is one step. Builtins, comparisons and string joins charge further steps for the size of their operands and results. The file format is described in [module-format.md](module-format.md).",
    table(["tag", "name", "operands", "stack", "traps", "since", "meaning"], rows),
  );
}

function builtinsPage(): string {
  const rows = [...BUILTINS].map((b) => [
    code(b.name),
    b.oldNames.map(code).join(" "),
    code(b.type),
    cell(b.doc),
    `${code(b.example)} = ${code(b.exampleResult)}`,
    cell(b.cost),
  ]);
  return page(
    "Builtins",
    "Pure functions that every program can call. A name without a call is a function value.",
    table(["name", "old names", "type", "meaning", "example", "steps"], rows),
  );
}

/** Returns the code blocks of an example: its program, then its other files. */
function exampleBlocks(example: Example): readonly string[] {
  const block = (text: string): string => `\`\`\`ax\n${text}\n\`\`\``;
  const note = elisionNote(example);
  const otherFiles = Object.entries(example.otherFiles ?? {}).flatMap(([name, text]) => [`with the file ${code(name)}:`, block(text)]);
  return [block(example.text), ...(note === undefined ? [] : [note]), ...otherFiles];
}

function explanationSection(name: DiagnosticCode): readonly string[] {
  const { title, severity } = DIAGNOSTICS[name];
  const page = EXPLANATIONS[name];
  const examples =
    "unreachable" in page ? [page.whyUnreachable] : ["Wrong:", ...exampleBlocks(page.wrong), "Right:", ...exampleBlocks(page.right)];
  return [`## ${name}`, `**${severity}: ${title}.** ${page.why}`, ...examples];
}

function diagnosticsPage(): string {
  const codes = Object.keys(DIAGNOSTICS).filter(isDiagnosticCode);
  return page(
    "Diagnostics",
    "`boruna explain CODE` prints a section of this page, with the compiler's message for the wrong program.",
    table(
      ["code", "severity", "title", "meaning"],
      codes.map((name) => {
        const d = DIAGNOSTICS[name];
        return [`[${name}](#${name.toLowerCase()})`, d.severity, d.title, cell(d.doc)];
      }),
    ),
    ...codes.flatMap(explanationSection),
  );
}

function outcomesPage(): string {
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

/** Returns the language page, which is written by hand, with its table of traps replaced. */
function languagePage(): string {
  const byLocation = new Map<string, string[]>();
  for (const [name, trap] of Object.entries(TRAPS)) {
    if (!("where" in trap)) continue;
    byLocation.set(trap.where, [...(byLocation.get(trap.where) ?? []), code(name)]);
  }
  const rows = [...byLocation].map(([where, names]) => [names.join(", "), cell(where)]);
  const text = readFileSync(`${DOCS_FOLDER}reference/language.md`, "utf8");
  return text.replace(/\| trap \| where \|\n(?:\|.*\n)+/, () => `${table(["trap", "where"], rows).trimEnd()}\n`);
}

function limitsPage(): string {
  const fixedLimits = Object.entries({ ...MACHINE_LIMITS, ...MODULE_LIMITS }).map(([name, value]) => [code(name), String(value)]);
  return page(
    "Limits",
    table(
      ["limit", "default", "unit", "meaning"],
      Object.entries(LIMITS).map(([name, l]) => [code(name), String(l.default), l.unit, cell(l.doc)]),
    ),
    "## Fixed",
    table(["limit", "value"], fixedLimits),
    "## What is charged",
    `An instruction is one step. Work on large operands charges another step for every ${UNITS_PER_STEP} units before it is done; the formula of each builtin is in [builtins.md](builtins.md). The end of an actor's slice charges a \`value\` for each of its frames.`,
    table(
      ["unit of work", "units"],
      Object.entries(UNITS).map(([name, units]) => [code(name), String(units)]),
    ),
    "The bytes of a value are charged before it is created: for a String its header and code units, for a list or record its header and a slot for each element, for a pushed or sliced list `push`. Unit, Bool, Int, Float, None and actor ids are free. [ADR 011](../internals/adr/011-what-allocation-counts.md) explains the numbers.",
    table(
      ["part of a value", "bytes"],
      Object.entries(BYTES).map(([name, bytes]) => [code(name), String(bytes)]),
    ),
    "A join of two Strings charges its result. An append to a local, `s = s ++ a` or `s = s ++ a ++ b`, charges less: for each join a header and the code units of the shorter String. The next use of `s` other than an append then charges the code units of `s` once. So a text that is built in a loop and used afterwards costs about twice its size, and a text that is also used in each iteration costs its size in each iteration ([ADR 013](../internals/adr/013-appends.md)).",
    `An assignment to a part of a variable, \`xs[i] = v\`, is free as long as only the variable holds the value. Otherwise it is charged for a copy: a record or a list of up to ${MAX_COPIED_LIST} elements like a new one, a longer list \`push\` and \`listLevel\` for each level of a tree of 16 branches, a map \`mapHeader\`, a slot and \`mapLevel\` for each level of a binary tree. After one such copy of a long list or a map, further changes cost the same until the new version has paid for storage of its own: as many as a sixteenth of the elements, or as many as the map has entries. A variable loses its sole hold when its complete value is read: \`ys = xs\`, \`f(xs)\`, \`for x in xs\`; reading \`xs[i]\`, \`list.len(xs)\` or \`map.get(m, k)\` keeps it, and so does \`xs = list.push(xs, x)\` ([ADR 035](../internals/adr/035-changes-in-place.md)).`,
    `Arguments and answers of capability calls, messages, emitted trees, guard labels and function names in events charge ${UNITS.convertedCodeUnit} units for each code unit of their texts, whether or not a log is written ([ADR 015](../internals/adr/015-what-logging-costs.md)). An event that would exceed \`max_log_bytes\` is not written and ends the run with \`log_limit\`; only the answer of a call is still written.`,
  );
}

const PATHS = `## Paths

A folder in \`fs_policy\` is absolute or relative to the working directory. The path of a call is resolved as follows:

- A path inside an allowed folder, absolute or relative to the working directory, is that file.
- Any other relative path is relative to an allowed folder: the first one that contains such a file, or else the first in the list. With \`"read": ["./notes"]\`
  both \`notes/a.txt\` and \`a.txt\` mean \`./notes/a.txt\`, and \`other/a.txt\` means \`./notes/other/a.txt\`. A read of it most likely fails with \`no such file\`; a write creates the file.
- An absolute path elsewhere, and a path that leaves the allowed folders with \`..\` or through a link, are denied. The run ends with exit code 3, even under \`try\`.
- A run cannot access its own log (\`--record\`) or its folder of blobs, under any name or link: such a call is denied, and lists omit them.
- Files named \`.boruna-….tmp\` are writes in progress. Reads do not see them, and the next write to the same folder removes those whose process no longer exists. A failed write removes the folders that it created.

\`read\` may list single files. \`write\` lists folders: a write fails if an entry is a file, or does not exist and looks like one (\`./out/report.txt\`); list the folder, \`./out\`.`;

const WARNINGS = `## Warnings

\`boruna policy validate\` warns about valid fields that have no effect or a surprising one: a section whose capability no rule allows (\`net_policy\` without
\`net.fetch\`), a budget of 0, which means no limit, a budget for a capability that is not allowed, \`fs.read\` or \`fs.write\` without folders, a secret or a model that can never be
used, a host that cannot occur in a URL, a condition that can never hold, a URL prefix that ends inside the host. The exit code is still 0. With \`--json\` the warnings are in the list \`warnings\`, each with \`file\`, \`line\`, \`column\`, \`path\` and \`message\`.`;

const HOSTS = `## Hosts

URLs are parsed by the WHATWG rules. The host is compared with \`net_policy.allowed_domains\` in lower case, without a final dot, in ASCII: \`münchen.example\` is
\`xn--mnchen-3ya.example\`. The URL parsers of different Node versions disagree on some names outside ASCII. So that a policy decides the same on all of them, these are
rejected as hosts: a label \`xn--…\` that does not decode or does not encode to itself, marks and jamo that join the character before them (write \`ü\`, not \`u\` and a mark), characters that are newer than Unicode 15.1
or whose mapping has changed since, scripts outside the basic plane except emoji and ideographs, and right-to-left names with anything but Hebrew or Arabic letters,
digits after the first letter, and ASCII labels that begin with a letter.

An address is public unless IANA's special-purpose registries say otherwise. 168.63.129.16, an internal service address of Azure, is not public either.

**Local development.** An entry \`127.0.0.1:8080\` (any address of \`127.0.0.0/8\`), \`[::1]:8080\` or \`localhost:8080\`, also in \`--allow-net\`, opens exactly that host and port, without
\`allow_private_networks\` and whatever \`allowed_ports\` says. It opens no other port, no other name that resolves to the address, and no redirect to one. \`localhost\` is open only if all its
addresses are loopback addresses. An entry \`*\` is every public host: \`["*", "127.0.0.1:8080"]\` allows the public internet and one port of this machine.`;

/** Describes `where`, with the tables of its conditions and of the parameters that have a form of their own. */
function conditionsSection(): string {
  const conditions = Object.values(CONDITION_FIELDS).map((f) => [code(f.name), cell(f.schema.description), cell(f.doc)]);
  const forms = [...PARAMETER_FORMS].flatMap(([capability, params]) =>
    [...params].map(([param, form]) => [code(capability), code(param), cell(form.doc)]),
  );
  return `## Conditions on arguments

A rule with \`where\` allows only calls whose arguments meet its conditions. Each condition belongs to a path, and all paths must be met:

\`\`\`json
{
  "rules": {
    "llm.call": {
      "allow": true,
      "where": {
        "model": { "in": ["small", "large"] },
        "options.temperature": [{ "absent": true }, { "min": 0, "max": 1 }]
      }
    }
  }
}
\`\`\`

A path is the name of a parameter, followed by names and list indexes: \`options.model\`, \`rows[0].id\`. A name that is not an identifier is written in
brackets, as a JSON string: \`headers["X-Key"]\`, which in a JSON file is \`"headers[\\"X-Key\\"]"\`. Names lead into Json objects, maps and records, into the payload
of an enum by the variant's name, and into a Result by \`ok\` and \`err\`. An Option is looked through: None is absent. The parameters of each capability are in
[capabilities.md](capabilities.md).

${table(["condition", "form", "meaning"], conditions).trimEnd()}

All conditions of one object must hold. A list of objects is met if one of them is. Text and numbers are never converted: \`"3"\` is not \`3\`. What is absent meets only
\`{ "absent": true }\`; \`null\` is a value and not absent. The name of a variant without payload is a text. A complete list or record meets only \`{ "absent": false }\`, a map or object also \`names\`:
\`"headers": { "names": [] }\` is no headers, \`"headers": { "names": ["accept", "authorization"] }\` at most these two.

Arguments that the program leaves out have their defaults. Some arguments are compared in the form that takes effect, so that another spelling does not get past a condition:

${table(["capability", "parameter", "is compared"], forms).trimEnd()}

The conditions also apply to each redirect of \`net.fetch\`, with its URL and method. A condition on \`path\` looks at the text of the path only; \`fs_policy\` decides where links may lead.
A URL prefix should end with \`/\`: \`https://a.example\` also begins \`https://a.example.net/\`.

The first condition that is not met denies the call. The decision names it and says what the argument must be, without the argument itself:
\`model must be one of "small", "large"\`, by the rule \`rules["llm.call"].where.model\`. Errors in \`where\` have the kind \`policy.invalid_where\`. A path of at most ${MAX_PATH_UNITS}
characters has at most ${MAX_PATH_STEPS} names and indexes; a rule at most ${MAX_PATHS} paths, a path at most ${MAX_ALTERNATIVES} alternatives, \`in\` at most ${MAX_VALUES} values, \`names\` at most ${MAX_NAMES}, a text at
most ${MAX_TEXT_UNITS} characters.`;
}

const APPROVALS = `## Approvals

\`"approval": "required"\` means \`{ "required": true }\`: every call of the rule waits until a person has approved it. With \`where\`, only calls wait whose arguments meet all of its conditions, which have the form
of the rule's own \`where\`. A condition that is not met, also because an argument has another type, means that the call does not wait. With \`keys\` (at most ${MAX_KEYS}), a decision must be signed with
one of these Ed25519 keys: each is the line between the first and the last line of a PEM public key. \`ui.render\`, \`actor.spawn\` and \`actor.send\` cannot wait, because the machine itself carries them
out. Errors have the kind \`policy.invalid_approval\`. [The guide](../guide/approval.md) shows how to decide.`;

function policyPage(): string {
  const rows = policyFieldDocs().map((f) => [
    code(f.path),
    cell(f.form),
    f.default === undefined ? "" : code(canonicalJson(f.default)),
    cell(f.doc),
  ]);
  return page(
    "Policy fields",
    table(["field", "form", "default", "meaning"], rows),
    conditionsSection(),
    APPROVALS,
    WARNINGS,
    HOSTS,
    PATHS,
  );
}

function spansPage(): string {
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
    CONTROL_FLOW,
    "## Attributes",
    table(["attribute", "on", "type", "when", "meaning"], rows),
    genAiSection(),
    deliverySection(),
  );
}

function genAiSection(): string {
  const rows = Object.entries(CHAT_ATTRIBUTES).map(([name, a]) => [code(name), a.type, "when" in a ? cell(a.when) : "always", cell(a.doc)]);
  return `## GenAI conventions

If \`OTEL_SEMCONV_STABILITY_OPT_IN\` contains \`${GEN_AI_OPT_IN}\`, or with the option \`genAiSpans\`, each \`llm.call\` that reaches a handler also has a span of OpenTelemetry's conventions for generative AI (${GEN_AI_VERSION}, in development): a child of its \`boruna.cap\`, of kind CLIENT, named \`${chatSpanName("MODEL")}\` after the model that the program names, or \`${chatSpanName(undefined)}\`. The \`gen_ai.*\` attributes are then on this span alone, so that each token is counted once. It holds no prompt, no answer and no address. [ADR 025](../internals/adr/025-genai-spans.md) gives the reasons.

${table(["attribute", "type", "when", "meaning"], rows)}

## Tool calls over MCP

Each tool call that \`boruna mcp\` answers has a span of OpenTelemetry's conventions for MCP (in development), of kind SERVER, named \`tools/call TOOL\`. It continues the trace in the request's \`_meta\`, and the run's span is its child. It holds no argument and no answer.

${table(
  ["attribute", "meaning"],
  Object.entries(MCP_ATTRIBUTES).map(([name, doc]) => [code(name), doc]),
)}`;
}

function metricsPage(): string {
  return page(
    "Metrics",
    "The library records metrics with the MeterProvider that the process has registered with `@opentelemetry/api`; without one, nothing is recorded. A runner (`createRunnerTelemetry`) exports them to the collector of the [environment variables](environment.md), with the resource of the runner, and so does `boruna worker`. The other commands export none. An `updown` counter rises and falls; its value is that of now.",
    table(
      ["metric", "kind", "unit", "attributes", "meaning"],
      Object.entries(INSTRUMENTS).map(([name, i]) => [code(name), i.kind, code(i.unit), i.attributes.map(code).join(" "), cell(i.doc)]),
    ),
    "## Attributes",
    "Every attribute has a small, fixed set of values. No attribute holds a text that a program or its arguments choose.",
    table(
      ["attribute", "values"],
      Object.entries(METRIC_ATTRIBUTES).map(([name, a]) => [code(name), cell(a.doc)]),
    ),
    "## Buckets and export",
    `The histograms have buckets up to ${DURATION_BOUNDS.join(", ")} s. A view of your own MeterProvider can change them. A runner sends cumulative totals every minute (\`OTEL_METRIC_EXPORT_INTERVAL\`), at \`flush\` and at \`stop\`; an export that fails is made good by the next one.`,
  );
}

const CONTROL_FLOW = `## Control flow

\`BORUNA_TRACE_DETAIL\`, or the option \`traceDetail\` of the API, adds the control flow: \`cap\` (the default) none of it, \`call\` the calls of functions that declare a capability, \`flow\` also the constructs in these
functions. Functions without a row make no spans, and neither do their calls. \`emit\`, \`spawn\` and \`send\` are capabilities too.

- Parents follow the source. A capability call is inside the innermost construct or call around it, also after an await. A call in tail position is inside the call that makes it. The first call of an actor is inside what
  was current when the actor was spawned.
- An \`if\` is one span for its complete \`else if\` chain, conditions included. A \`match\` includes its scrutinee and guards, a loop its condition or list.
- A failure that ends the run ends all spans with \`error.type\`, the outcome; one that ends an actor, those of the actor and its descendants. The status is ERROR where that of the run is. A failure that \`try\` catches ends nothing but its own call.
- A run has at most ${MAX_FLOW_SPANS.toLocaleString("en-US")} spans of control flow. \`boruna.run.spans_dropped\` counts the others; what is inside a dropped span belongs to the nearest one around it. Spans of capability calls are never dropped for that.
- Steps, log and result are the same at every detail. Functions that declare a capability run in the interpreter at \`call\` and \`flow\`; the compiled engine still runs the others. [ADR 023](../internals/adr/023-control-flow-from-instructions.md) says why.
- A program that was compiled before modules had this information has spans of calls only.`;

function environmentPage(): string {
  const defaultOf = (value: string | number): string => (typeof value === "number" ? value.toLocaleString("en-US") : value);
  return page(
    "Environment variables of telemetry",
    "Empty values count as unset. The variables of live handlers are on the [capabilities page](capabilities.md).",
    table(
      ["variable", "if unset", "meaning"],
      Object.entries(VARIABLES).map(([name, v]) => [code(name), cell(defaultOf(v.default)), cell(v.doc)]),
    ),
  );
}

function deliverySection(): string {
  const settings = readTelemetrySettings({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318" });
  if ("problem" in settings || !settings.on) throw new Error("spans are off");
  const { batch, exportMs, shutdownMs } = settings;
  return `## Delivery

Spans are queued (\`OTEL_BSP_MAX_QUEUE_SIZE\`: ${batch.maxQueueSize}) and sent in batches (\`OTEL_BSP_MAX_EXPORT_BATCH_SIZE\`: ${batch.maxExportBatchSize}), with up to ${MAX_IN_FLIGHT} requests at once.
After status 429, 502, 503 or 504 or a lost connection a batch is retried, after the time in \`Retry-After\` or with growing pauses, as OTLP specifies. A batch, including retries, may take ${exportMs / 1_000} s (\`OTEL_EXPORTER_OTLP_TIMEOUT\`).

**A full queue.** A run without \`max_wall_ms\` waits before its next call until there is room, so no span is lost to a slow collector. A run with \`max_wall_ms\` never waits; it drops spans that do not fit. Neither
changes steps, log or result, and Ctrl-C ends a waiting run. If a batch, including retries, takes longer than \`OTEL_EXPORTER_OTLP_TIMEOUT\`, it is lost, and the run does not wait again until the collector accepts a batch.
So a run waits for an unresponsive collector at most once for that time. It never waits for a collector that has refused every connection so far.

**Shutdown.** The run span is sent first. Spans that the collector has not accepted after \`BORUNA_OTEL_SHUTDOWN_MS\` (${shutdownMs}) are lost. If the connection is refused and no export of the run has succeeded, the process ends immediately.

One line on stderr gives the number of lost spans and the reasons: a full queue, spans that the collector rejected in a partial success, error statuses, lost connections, missing responses. None of this changes the exit code. [ADR 022](../internals/adr/022-spans-are-sent-by-boruna.md) explains why Boruna sends spans itself.`;
}

/** Returns the threat model, which is written by hand, with its list of encodings replaced. */
function threatModelPage(): string {
  const escapes = ESCAPES.map((e) => `- **${e.name}**: ${e.doc}`);
  const encodings = ENCODINGS.map((e) => `- **${e.name}**: ${e.doc}`);
  const lines = [
    "A secret is found in these encodings:",
    encodings.join("\n"),
    `each without escapes, or with up to ${MAX_ESCAPES} nested layers of these escapes (JSON in JSON, HTML in JSON, …):`,
    escapes.join("\n"),
    `A secret of fewer than ${MIN_ENCODED_LENGTH} characters is found only in plain text. A secret that is not valid in a header is never sent, and not searched for.`,
  ];
  return handwrittenPage("guide/threat-model.md", lines.join("\n\n"));
}

/** Returns the page about llm.call, which is written by hand, with the limits of its schemas replaced. */
function llmCallPage(): string {
  const { bytes, depth } = ANSWER_SCHEMA_LIMITS;
  const limits = `The keywords are those of [output schemas](output-schemas.md#keywords). A schema has at most ${bytes / 1_024} KiB and is nested at most ${depth} deep. A keyword that does not exist fails the call before it costs anything.`;
  return handwrittenPage("guide/llm-call.md", `\n${limits}\n`);
}

/** Returns the page about output schemas, which is written by hand, with its table of keywords replaced. */
function outputSchemasPage(): string {
  const { bytes, depth, schemas, steps } = SCHEMA_LIMITS;
  const rows = [...KEYWORDS].map(([name, { doc, only }]) => [code(name), only ?? "both", doc]);
  const limits = `A schema has at most ${bytes / 1_024} KiB and ${schemas} schemas inside each other or side by side, nested at most ${depth} deep. A check takes at most ${steps} steps; a step is a schema applied to a value, or 40 characters of text.`;
  return handwrittenPage("guide/output-schemas.md", `\n${table(["keyword", "dialect", "meaning"], rows)}\n\n${limits}\n`);
}

/** Returns the page on usage events, which is written by hand, with its table of fields replaced. */
function usageEventsPage(): string {
  const rows = Object.entries(USAGE_FIELDS).map(([name, { doc }]) => [code(name), cell(doc)]);
  return handwrittenPage("guide/usage-events.md", `\n${table(["field", "meaning"], rows)}\n`);
}

/** Returns the page about db.query, which is written by hand, with its table of types replaced. */
function dbQueryPage(): string {
  const rows = DB_TYPES.map((type) => [
    code(type.name),
    cell(type.json),
    type.example === "" ? "" : code(type.example),
    type.example === "" ? "" : code(canonicalJson(valueToTypedJson(readValue(type.example, type.oid, type.name), JSON_TYPE, []))),
  ]);
  const parts = [
    table(["type", "JSON", "in PostgreSQL", "in Boruna"], rows),
    `Every other type, such as an enum or a composite type, is a ${OTHER_TYPE.json}. The result of a statement has at most ${MAX_RESULT_BYTES / 1_024 ** 2} MiB in PostgreSQL's text form.`,
  ];
  return handwrittenPage("guide/db-query.md", `\n${parts.join("\n\n")}\n`);
}

const JSON_TYPE = parseType("Json");

/** Returns a page that is written by hand, with the part between the comments "Made from" and "end" replaced. */
function handwrittenPage(name: string, madeText: string): string {
  return readFileSync(`${DOCS_FOLDER}${name}`, "utf8").replace(
    /(<!-- Made from [^\n]*-->\n)[^]*?(<!-- end -->)/,
    (_, start: string, end: string) => `${start}${madeText}\n${end}`,
  );
}

/** Returns the text of every generated page, by its path in docs/. */
export function referencePages(): ReadonlyMap<string, string> {
  const pages = new Map([
    ["reference/api.md", apiPage()],
    ["reference/bytecode.md", bytecodePage()],
    ["reference/builtins.md", builtinsPage()],
    ["reference/capabilities.md", capabilitiesPage()],
    ["reference/diagnostics.md", diagnosticsPage()],
    ["reference/language.md", languagePage()],
    ["reference/limits.md", limitsPage()],
    ["reference/metrics.md", metricsPage()],
    ["reference/outcomes.md", outcomesPage()],
    ["reference/policy.md", policyPage()],
    ["reference/environment.md", environmentPage()],
    ["reference/spans.md", spansPage()],
    ["guide/db-query.md", dbQueryPage()],
    ["guide/llm-call.md", llmCallPage()],
    ["guide/output-schemas.md", outputSchemasPage()],
    ["guide/threat-model.md", threatModelPage()],
    ["guide/usage-events.md", usageEventsPage()],
    ...libraryPages(page),
  ]);
  return new Map([...pages, ...llmsPages(pages)]);
}

export const DOCS_FOLDER = fileURLToPath(new URL("../docs/", import.meta.url));

if (import.meta.url === new URL(process.argv[1] ?? "", "file:").href) {
  mkdirSync(`${DOCS_FOLDER}reference/std`, { recursive: true });
  for (const [name, text] of referencePages()) writeFileSync(`${DOCS_FOLDER}${name}`, text);
  writeFileSync(GRAMMAR_FILE, grammar());
  writeFileSync(LIBRARY_TABLE_FILE, libraryTable());
}
