/** The page about capabilities: the table, what each answers when nothing is live, what each needs when it is. */
import { LLM_OPTIONS } from "../gateway/handlers/llm-call.ts";
import { BUILTIN_REGISTRY, type CapabilityDecl, type CapabilitySignature } from "../vm/capabilities.ts";
import { canonicalJson } from "../vm/json/json.ts";
import { valueToTypedJson } from "../vm/json/typed-json.ts";
import { textForm } from "../vm/value/display.ts";
import { type Type, typeToString } from "../vm/value/type.ts";
import type { Value } from "../vm/value/value.ts";
import { cell, code, page, table } from "./markdown.ts";

const CALLS = BUILTIN_REGISTRY.all.flatMap((capability) => capability.signatures.map((signature) => ({ capability, signature })));

/** Arguments that show in an answer where they came from. */
function sample(name: string, type: Type): Value {
  return type.kind === "primitive" && type.name === "Int" ? (SAMPLE_INTS.get(name) ?? 0) : name.toUpperCase();
}
const SAMPLE_INTS: ReadonlyMap<string, number> = new Map([
  ["lo", 1],
  ["hi", 6],
]);

/** `changed`: arguments other than the default, by name. */
function mockRow(
  { capability, signature }: { readonly capability: CapabilityDecl; readonly signature: CapabilitySignature },
  changed: Readonly<Record<string, string>> = {},
): readonly string[] {
  const args = signature.params.map((p) => changed[p.name] ?? p.default ?? sample(p.name, p.type));
  const last = signature.params.map((p) => p.default === undefined || p.name in changed).lastIndexOf(true);
  const shown = args.slice(0, last + 1).map((arg) => (typeof arg === "string" ? JSON.stringify(arg) : textForm(arg)));
  const name = capability.name === "step.input" ? "step_input" : capability.name;
  const answer = capability.mock(args);
  return [
    code(`${name}(${shown.join(", ")})`),
    code(typeof answer === "string" && answer !== "" ? answer : canonicalJson(valueToTypedJson(answer, signature.result, []))),
  ];
}

/** Arguments that change the form of the answer. */
const VARIANTS: ReadonlyMap<string, readonly Readonly<Record<string, string>>[]> = new Map([
  ["net.fetch", [{ want: "response" }]],
  ["fs.read", [{ want: "base64" }, { want: "list" }, { want: "stat" }]],
  ["time.now", [{ unit: "ms" }]],
  ["random", [{ kind: "int" }]],
]);

function mocks(): readonly (readonly string[])[] {
  return CALLS.filter(({ capability }) => capability.internal !== true).flatMap((call) => {
    const { name } = call.capability;
    const variants = (VARIANTS.get(name) ?? []).filter((changed) =>
      Object.keys(changed).every((key) => call.signature.params.some((p) => p.name === key)),
    );
    const isWhole = call.signature.params.every((p) => p.name !== "kind");
    return [...(isWhole ? [mockRow(call)] : []), ...variants.map((changed) => mockRow(call, changed))];
  });
}

const ANSWERS = `## Answers

**net.fetch** with \`want = "body"\` gives the body of a response whose status is 200 to 299; any other status is a failure, as \`HTTP 404 Not Found\`.
With \`want = "response"\` every status is an answer: \`{"body":"…","headers":{"content-type":"…"},"status":200}\`. Names of headers are in lower case.

**fs.read** with \`want = "list"\` takes a folder and gives the names in it, files and folders, without their path, sorted by their bytes: \`["a.txt","sub"]\`.
With \`want = "stat"\` it gives \`{"kind":"file","modified_ms":1700000000000,"size":25}\`: \`kind\` is \`"file"\` or \`"folder"\`, \`modified_ms\` counts milliseconds since 1970,
\`size\` counts bytes and is 0 for a folder. \`"base64"\` is for files that are not UTF-8. Read the JSON with \`json.parse\`.

**fs.write** gives \`true\`. A missing folder on the way is made. A file appears whole or not at all. With \`how = "delete"\` the content is not looked at; with \`"base64"\` it is the bytes to write.

**llm.call** gives an object:

| field | holds |
|---|---|
| \`status\` | \`"ok"\`, \`"length"\` (cut off at the most tokens), \`"content_filter"\` |
| \`text\` | the answer |
| \`model\` | the model that answered |
| \`usage.input_tokens\`, \`usage.output_tokens\` | tokens used; 0 where the endpoint does not say |

The third argument of a call is an object of options, \`Json::Object({ "temperature": Json::Float(0.2) })\`. A live call with any other name in it fails.`;

const LIVE = `## Going live

With \`--live\`, or \`live: true\` in \`execute\`, calls reach the world. The policy decides in either mode.

| capability | needs |
|---|---|
| \`net.fetch\` | a public host that [\`net_policy\`](policy.md) allows; \`allow_private_networks\` for the machine's own. Secrets come from the environment variables that the policy names. Proxy variables are ignored. |
| \`fs.read\`, \`fs.write\` | folders in [\`fs_policy\`](policy.md) |
| \`llm.call\` | an endpoint: \`BORUNA_LLM_URL\` |
| \`time.now\`, \`random\` | nothing: the clock and the cryptographic generator of the host |
| \`step.input\` | \`--inputs FILE\`, a JSON object of inputs by name; a name that it lacks is a failure |
| \`db.query\` | a handler that the embedding host gives to \`execute\`; the command line has none, and the call ends the run |

**llm.call** speaks to one OpenAI-compatible endpoint, which three environment variables name:

| variable | holds |
|---|---|
| \`BORUNA_LLM_URL\` | the address, as \`https://api.openai.com/v1\`; \`/chat/completions\` is added where it is missing. http is allowed, and so is the machine itself: the address is yours, not the program's |
| \`BORUNA_LLM_KEY\` | sent as \`Authorization: Bearer …\`; unset or empty: no such header |
| \`BORUNA_LLM_MODEL\` | the model for calls that name none |

\`\`\`sh
export BORUNA_LLM_URL=http://127.0.0.1:11434/v1 BORUNA_LLM_MODEL=llama3.2
boruna run ask.ax --policy policy.json --live
\`\`\`

A call is one \`POST\` of \`{"model", "max_tokens", "messages": [{"role": "system", …}, {"role": "user", "content": PROMPT}], …options}\`. Of the answer are read \`choices[0].message.content\`,
\`choices[0].finish_reason\`, \`model\`, \`usage.prompt_tokens\` and \`usage.completion_tokens\`. On status 429 and 5xx it is sent again, up to 4 times in all, after the seconds of \`Retry-After\` (at most 20), else 0.5, 1 and 2;
another status, a lost connection and 120 seconds without an answer are failures. \`llm_policy\` reserves tokens and money before the call and settles them after it.`;

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
    "Without `--live` nothing is reached: each capability gives its mock, the same every time, and so it does in a test that has no `answer` for it. `boruna run` ends with a line on stderr that says which calls mocks answered. An absolute path is denied where the policy's folders are relative: no answer of a mock depends on the working directory. Strings are shown without their quotes.",
    table(["call", "answer"], mocks()),
    "`llm.call`'s mock has no `text`: a program that reads one finds none, and [std-llm](std/std-llm.md) takes the mock's own text for it. Actors and `emit` work without `--live` as they do with it.",
    LIVE,
    `Capability set: ${code(setHash)}`,
  );
}
