/** Generates the page about capabilities: a table of them, their mocks, and what live calls need. */
import { DEFAULT_DB_FOLDER } from "../gateway/handlers/db-query.ts";
import { LLM_OPTIONS } from "../gateway/handlers/llm-request.ts";
import { REPEATABLE_BY_POLICY } from "../policy/may-repeat.ts";
import { BUILTIN_REGISTRY, type CapabilityDecl, type CapabilitySignature, FIRST_OWN_CAPABILITY_ID } from "../vm/capabilities.ts";
import { canonicalJson } from "../vm/json/json.ts";
import { valueToTypedJson } from "../vm/json/typed-json.ts";
import { textForm } from "../vm/value/display.ts";
import { type Type, typeToString } from "../vm/value/type.ts";
import { UNIT, type Value } from "../vm/value/value.ts";
import { cell, code, page, table } from "./markdown.ts";

const CALLS = BUILTIN_REGISTRY.all.flatMap((capability) => capability.signatures.map((signature) => ({ capability, signature })));

/** Returns a sample argument. A String is the parameter's name in capitals, so that readers recognize it in the answer. */
function sampleArgument(name: string, type: Type): Value {
  return type.kind === "primitive" && type.name === "Int" ? (SAMPLE_INTS.get(name) ?? 0) : name.toUpperCase();
}
const SAMPLE_INTS: ReadonlyMap<string, number> = new Map([
  ["lo", 1],
  ["hi", 6],
]);

/** Returns a table row with a call and the mock's answer. `chosenArgs` holds the arguments that are not the default, by name. */
function mockRow(
  { capability, signature }: { readonly capability: CapabilityDecl; readonly signature: CapabilitySignature },
  chosenArgs: Readonly<Record<string, string>> = {},
): readonly string[] {
  const args = signature.params.map((p) => chosenArgs[p.name] ?? p.default ?? sampleArgument(p.name, p.type));
  const lastShown = signature.params.map((p) => p.default === undefined || p.name in chosenArgs).lastIndexOf(true);
  const printedArgs = args.slice(0, lastShown + 1).map((arg) => (typeof arg === "string" ? JSON.stringify(arg) : textForm(arg)));
  const name = capability.name === "step.input" ? "step_input" : capability.name;
  const answer = capability.mock?.(args) ?? UNIT;
  return [
    code(`${name}(${printedArgs.join(", ")})`),
    code(typeof answer === "string" && answer !== "" ? answer : canonicalJson(valueToTypedJson(answer, signature.result, []))),
  ];
}

/** From a capability's name to the arguments that select other forms of its answer. */
const ANSWER_VARIANTS: ReadonlyMap<string, readonly Readonly<Record<string, string>>[]> = new Map([
  ["net.fetch", [{ want: "response" }]],
  ["fs.read", [{ want: "base64" }, { want: "list" }, { want: "stat" }]],
  ["time.now", [{ unit: "ms" }]],
  ["random", [{ kind: "int" }]],
]);

function mockRows(): readonly (readonly string[])[] {
  return CALLS.filter(({ capability }) => capability.internal !== true).flatMap((call) => {
    const { name } = call.capability;
    const variants = (ANSWER_VARIANTS.get(name) ?? []).filter((chosenArgs) =>
      Object.keys(chosenArgs).every((key) => call.signature.params.some((p) => p.name === key)),
    );
    const hasDefaultRow = call.signature.params.every((p) => p.name !== "kind");
    return [...(hasDefaultRow ? [mockRow(call)] : []), ...variants.map((chosenArgs) => mockRow(call, chosenArgs))];
  });
}

const ANSWERS = `## Answers

**net.fetch** with \`want = "body"\` returns the body of a response with a status of 200 to 299; any other status is a failure, such as \`HTTP 404 Not Found\`.
With \`want = "response"\` every status is an answer: \`{"body":"…","headers":{"content-type":"…"},"status":200}\`. Header names are in lower case.

**fs.read** with \`want = "list"\` takes a folder and returns the names of its files and folders, without their path, sorted by their bytes: \`["a.txt","sub"]\`.
With \`want = "stat"\` it returns \`{"kind":"file","modified_ms":1700000000000,"size":25}\`: \`kind\` is \`"file"\` or \`"folder"\`, \`modified_ms\` is in milliseconds since 1970,
\`size\` is in bytes and 0 for a folder. Use \`"base64"\` for files that are not UTF-8. Read the JSON with \`json.parse\`.

**fs.write** returns \`true\`. It creates missing parent folders, and writes a file completely or not at all. With \`how = "delete"\` the content is ignored; with \`"base64"\` it is decoded before writing.

**db.query** returns a list with one object for each row, with the names of the columns as keys. A write without \`RETURNING\` returns no rows. [db.query](../guide/db-query.md) lists the JSON form of
each type, and what each kind of statement in the policy allows.

**llm.call** returns an object:

| field | holds |
|---|---|
| \`status\` | \`"ok"\`, \`"length"\` (cut off at the token limit), \`"content_filter"\` |
| \`text\` | the answer |
| \`model\` | the model that answered |
| \`usage.input_tokens\`, \`usage.output_tokens\` | tokens used; 0 if the endpoint does not report them |
| \`attempts\` | how often the request was sent, if more than once |
| \`value\` | with the option \`schema\`: the answer as JSON |

The third argument of a call is an object of options, \`Json::Object({ "temperature": Json::Float(0.2) })\`. A live call with an unknown option fails.`;

const LIVE = `## Going live

With \`--live\`, or \`live: true\` in \`execute\`, calls have real effects. The policy applies in both modes.

| capability | needs |
|---|---|
| \`net.fetch\` | a public host that [\`net_policy\`](policy.md) allows, or \`allow_private_networks\` for private hosts. Secrets come from the environment variables that the policy names. Proxy variables are ignored. |
| \`fs.read\`, \`fs.write\` | folders in [\`fs_policy\`](policy.md) |
| \`llm.call\` | an endpoint: \`BORUNA_LLM_URL\` |
| \`time.now\`, \`random\` | nothing: the system clock and a cryptographic random generator |
| \`step.input\` | \`--inputs FILE\`, a JSON object of inputs by name; a missing name is a failure |
| \`db.query\` | nothing: an embedded PostgreSQL in \`${DEFAULT_DB_FOLDER}\`. \`BORUNA_DB\` names another folder, or \`memory\`; \`DATABASE_URL\` a PostgreSQL server. [db.query](../guide/db-query.md) has the details |

**llm.call** uses one OpenAI-compatible endpoint, set by three environment variables:

| variable | holds |
|---|---|
| \`BORUNA_LLM_URL\` | the address, such as \`https://api.openai.com/v1\`; \`/chat/completions\` is added if it is missing. http and localhost are allowed, because you choose the address, not the program |
| \`BORUNA_LLM_KEY\` | sent as \`Authorization: Bearer …\`; if it is unset or empty, the header is not sent |
| \`BORUNA_LLM_MODEL\` | the model for calls without a model |

\`\`\`sh
export BORUNA_LLM_URL=http://127.0.0.1:11434/v1 BORUNA_LLM_MODEL=llama3.2
boruna run ask.ax --policy policy.json --live
\`\`\`

[llm.call](../guide/llm-call.md) says what is sent and read, how often, what it may cost, and how answers are streamed and checked.`;

function repeatRows(): readonly (readonly string[])[] {
  const external = BUILTIN_REGISTRY.all.filter(({ internal }) => internal !== true);
  return external.map((capability) => [code(capability.name), cell(repeatText(capability))]);
}

/** Completes the sentence "A call may be repeated: …". */
function repeatText({ name, mayRepeat }: CapabilityDecl): string {
  const byPolicy = REPEATABLE_BY_POLICY.get(name)?.doc;
  if (typeof mayRepeat === "boolean") return mayRepeat ? "yes" : byPolicy === undefined ? "no" : `if ${byPolicy}`;
  const conditions = Object.entries(mayRepeat).map(([param, texts]) => `${code(param)} is one of ${texts.map(code).join(", ")}`);
  return `if ${conditions.join(" and ")}${byPolicy === undefined ? "" : `, or if ${byPolicy}`}`;
}

const OWN = `## Capabilities of your own

An application that embeds Boruna declares more with [\`defineCapability\`](../guide/embedding.md#capabilities-of-your-own), and the command loads them with
\`--capabilities caps.mjs\`. They have types in the language, rules in the policy, spans, and events in the log like the built-in ones. Their ids are derived from
their names and are at least ${FIRST_OWN_CAPABILITY_ID}. The header of a log declares them, so \`replay\` and \`verify\` need no code of the host.
\`boruna import mcp\` makes own capabilities of [the tools of an MCP server](../guide/mcp-tools.md).`;

export function capabilitiesPage(): string {
  const { all, setHash } = BUILTIN_REGISTRY;
  const rows = all.map((c) => [
    String(c.id),
    code(c.name),
    code(c.call),
    c.signatures.map((s) => code(typeToString(s.result))).join(" or "),
    c.version,
    cell(c.doc),
  ]);
  const parameters = CALLS.flatMap(({ capability, signature }) =>
    signature.params.map((p) => [
      code(capability.name),
      code(p.name),
      code(typeToString(p.type)),
      p.default === undefined ? "" : code(textForm(p.default)),
    ]),
  );
  return page(
    "Capabilities",
    table(["id", "name", "call", "result", "version", "meaning"], rows),
    "## Parameters",
    table(["capability", "parameter", "type", "default"], parameters),
    ANSWERS,
    table(
      ["option of llm.call", "meaning"],
      [...LLM_OPTIONS].map(([name, doc]) => [code(name), cell(doc)]),
    ),
    "## Mocks",
    "Without `--live` a capability returns its mock, which is always the same; so it does in a test without an `answer` for the capability. `boruna run` ends with a line on stderr that lists the calls answered by mocks. An absolute path is denied if the policy's folders are relative, because no mock depends on the working directory. Strings are shown without their quotes.",
    table(["call", "answer"], mockRows()),
    "The mock of `llm.call` has no field `text`; [std-llm](std/std-llm.md) uses the text of the mock itself. Actors and `emit` work the same with and without `--live`.",
    LIVE,
    "## Repeating a call",
    "If a process ends between a call and its answer, whoever continues the run must know whether the call may be made again. The table says it for each capability; `mayRepeat(capability, args, policy)` decides it for a call. A repeated `llm.call` reserves its tokens and its cost again.",
    table(["capability", "a call may be repeated"], repeatRows()),
    OWN,
    `Capability set: ${code(setHash)}`,
  );
}
