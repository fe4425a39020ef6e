/**
 * The tools of the MCP server as data: names, descriptions, JSON Schemas. A schema never changes its meaning: a snapshot test checks that.
 * A schema contains no `true` and no `false`, and its root is an object, because clients of the 1.x SDK refuse others.
 */
import { DEFAULT_RESULT_BYTES, DEFAULT_WALL_MS, MAX_RESULT_BYTES } from "./settings.ts";

/** The version of the meaning of answers, as for `--json`. */
export const PROTOCOL_VERSION = 1;

type Schema = Readonly<Record<string, unknown>>;

/** A row of the table: one tool. */
export interface ToolSpec {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly inputSchema: Schema;
  readonly outputSchema: Schema;
  /** Whether the tool changes nothing outside the server. */
  readonly readOnly: boolean;
  /** Whether the tool exists only if the operator has configured tools of other servers. */
  readonly needsTools?: true;
  /** Whether each call runs in its own thread, because the tool compiles or runs a program. */
  readonly inThread: boolean;
}

const TEXT: Schema = { type: "string" };
const COUNT: Schema = { type: "integer", minimum: 0 };
const ANY: Schema = {};
const OBJECT: Schema = { type: "object" };
const LIST_OF_OBJECTS: Schema = { type: "array", items: OBJECT };
const nullable = (type: string): Schema => ({ type: [type, "null"] });

const input = (properties: Readonly<Record<string, Schema>>, required: readonly string[]): Schema => ({
  type: "object",
  properties,
  required,
  additionalProperties: false,
});

/** Returns the schema of an answer with these members. If the tool fails, the answer has `error` instead of them. */
const output = (properties: Readonly<Record<string, Schema>>): Schema => ({
  type: "object",
  properties: {
    protocol_version: { const: PROTOCOL_VERSION },
    ...properties,
    error: {
      type: ["object", "null"],
      properties: { kind: TEXT, message: TEXT, hint: TEXT },
      required: ["kind", "message"],
    },
  },
  required: ["protocol_version"],
});

const PROGRAM = {
  source: { type: "string", maxLength: 1_048_576, description: "the program in .ax, with `fn main`; read boruna_docs first" },
  files: {
    type: "object",
    additionalProperties: TEXT,
    maxProperties: 64,
    description: 'files that the program imports, by path: { "lib/dates.ax": "…" }',
  },
} as const satisfies Readonly<Record<string, Schema>>;

const ALLOW: Schema = {
  type: "array",
  items: TEXT,
  maxItems: 64,
  description:
    "the only capabilities that may be used, each with a budget if you like: net.fetch=3. Default: all that the operator of this server allowed",
};

const LOG: Schema = { type: "string", maxLength: 200, description: "the log of a run, as boruna_run named it" };

const RESULT_BYTES: Schema = {
  type: "integer",
  minimum: 256,
  maximum: MAX_RESULT_BYTES,
  description: `bytes of the answer; longer parts are cut, and the log has them. Default: ${DEFAULT_RESULT_BYTES}`,
};

export const TOOLS: readonly ToolSpec[] = [
  {
    name: "boruna_search",
    title: "Search tools",
    description:
      "Finds functions for the tools of the operator's MCP servers. Returns signatures; a program imports a function's module and calls it. Search, describe what you need, and write one program that makes all calls.",
    inputSchema: input(
      {
        query: { type: "string", maxLength: 400, description: "words of what you want to do; empty lists all" },
        limit: { type: "integer", minimum: 1, maximum: 20, description: "Default: 10" },
      },
      ["query"],
    ),
    outputSchema: output({
      tools: {
        type: "array",
        items: {
          type: "object",
          properties: { name: TEXT, signature: TEXT, import: TEXT, allowed: { type: "boolean" }, doc: TEXT },
          required: ["name", "signature", "import", "allowed"],
        },
      },
    }),
    needsTools: true,
    readOnly: true,
    inThread: false,
  },
  {
    name: "boruna_describe",
    title: "Describe tools",
    description:
      "Returns the declarations of functions that boruna_search found: signature, description, and all types of arguments and answer.",
    inputSchema: input({ names: { type: "array", items: { type: "string", maxLength: 200 }, minItems: 1, maxItems: 10 } }, ["names"]),
    outputSchema: output({ declarations: TEXT }),
    needsTools: true,
    readOnly: true,
    inThread: false,
  },
  {
    name: "boruna_check",
    title: "Check a program",
    description:
      "Compiles a program without running it. Returns diagnostics with fixes (edits of the source), and for each call whether the policy allows it, can deny it and by which rule, or always denies it. Check until ok is true, then run.",
    inputSchema: input({ ...PROGRAM, allow: ALLOW }, ["source"]),
    outputSchema: output({
      ok: { type: "boolean" },
      diagnostics: LIST_OF_OBJECTS,
      calls: {
        type: "array",
        items: {
          type: "object",
          properties: {
            capability: TEXT,
            place: OBJECT,
            verdict: { enum: ["allowed", "can_be_denied", "denied", "never_reached"] },
            reasons: LIST_OF_OBJECTS,
          },
          required: ["capability", "verdict"],
        },
      },
    }),
    readOnly: true,
    inThread: true,
  },
  {
    name: "boruna_run",
    title: "Run a program",
    description:
      "Compiles and runs a program under the operator's policy, and returns main's value. Its calls are reported as progress. Every run is recorded: a value that is too long is cut, and `log` names the log, which boruna_log_show reads. The outcome `suspended` means that a call waits for a person.",
    inputSchema: input(
      {
        ...PROGRAM,
        args: { type: "object", description: "arguments of main by name, as typed JSON" },
        inputs: { type: "object", description: "answers of step_input by name" },
        allow: ALLOW,
        live: { type: "boolean", description: "true makes real calls, if the operator allowed that; otherwise mocks answer" },
        limits: {
          type: "object",
          properties: { max_steps: COUNT, max_wall_ms: COUNT, max_alloc_bytes: COUNT },
          additionalProperties: false,
          description: `limits below those of the policy; max_wall_ms is ${DEFAULT_WALL_MS} unless the policy has another`,
        },
        output_schema: { type: "object", description: "a JSON Schema that the value must match; otherwise the outcome is output_mismatch" },
        max_result_bytes: RESULT_BYTES,
      },
      ["source"],
    ),
    outputSchema: output({
      outcome: TEXT,
      value: ANY,
      steps: COUNT,
      alloc_bytes: COUNT,
      counters: OBJECT,
      ui: { type: "array" },
      run_id: TEXT,
      log: nullable("string"),
      suspended: OBJECT,
      cut: {
        type: "object",
        properties: { members: { type: "array", items: TEXT }, bytes: COUNT, max_result_bytes: COUNT },
        required: ["members", "bytes", "max_result_bytes"],
      },
      ok: { type: "boolean" },
      diagnostics: LIST_OF_OBJECTS,
    }),
    readOnly: false,
    inThread: true,
  },
  {
    name: "boruna_explain",
    title: "Explain a diagnostic",
    description: "Explains a diagnostic by its code, such as E007: why it exists, a wrong program, a right one.",
    inputSchema: input({ code: { type: "string", maxLength: 16 } }, ["code"]),
    outputSchema: output({
      code: TEXT,
      severity: TEXT,
      title: TEXT,
      meaning: TEXT,
      why: TEXT,
      reachable: { type: "boolean" },
      reason: TEXT,
      wrong: OBJECT,
      right: OBJECT,
    }),
    readOnly: true,
    inThread: false,
  },
  {
    name: "boruna_policy_validate",
    title: "Validate a policy",
    description:
      "Checks the text of a policy file. Returns its hash and warnings, or the place of the first mistake. It changes no policy.",
    inputSchema: input({ policy: { type: "string", maxLength: 1_048_576, description: "the text of the file: JSON, comments allowed" } }, [
      "policy",
    ]),
    outputSchema: output({ ok: { type: "boolean" }, policy_hash: TEXT, warnings: LIST_OF_OBJECTS }),
    readOnly: true,
    inThread: false,
  },
  {
    name: "boruna_capability_list",
    title: "List capabilities",
    description: "Lists every capability: its call, what it does, and whether the operator allowed it.",
    inputSchema: input({}, []),
    outputSchema: output({
      name: TEXT,
      version: TEXT,
      capabilities: {
        type: "array",
        items: {
          type: "object",
          properties: { name: TEXT, version: TEXT, call: TEXT, doc: TEXT, allowed: { type: "boolean" } },
          required: ["name", "version", "call", "doc", "allowed"],
        },
      },
      capability_set_hash: TEXT,
    }),
    readOnly: true,
    inThread: false,
  },
  {
    name: "boruna_replay",
    title: "Replay a run",
    description: "Repeats a recorded run from its log, without any call, and says whether it does the same again.",
    inputSchema: input({ log: LOG }, ["log"]),
    outputSchema: output({
      status: TEXT,
      events: OBJECT,
      divergence: { type: ["object", "null"] },
      outcome: nullable("string"),
      run_id: nullable("string"),
    }),
    readOnly: true,
    inThread: true,
  },
  {
    name: "boruna_log_show",
    title: "Show a log",
    description:
      "Lists the calls of a recorded run with arguments and answers, from call `from` on, or shows one call, or the value of the run.",
    inputSchema: input(
      {
        log: LOG,
        from: { type: "integer", minimum: 1, description: "the number of the first call to list. Default: 1" },
        call: { type: "integer", minimum: 1, description: "show only this call, with its complete arguments and answer" },
        value: { type: "boolean", description: "show the value of the run" },
        start: { ...COUNT, description: "with value: where in its JSON to start, as next says. Default: 0" },
        max_result_bytes: RESULT_BYTES,
      },
      ["log"],
    ),
    outputSchema: output({
      run: OBJECT,
      calls: LIST_OF_OBJECTS,
      next: { ...COUNT, description: "the call to go on from, or with value, the start; absent after the last one" },
      value_json: { ...TEXT, description: "a part of the JSON of the value" },
      value_length: COUNT,
    }),
    readOnly: true,
    inThread: true,
  },
  {
    name: "boruna_docs",
    title: "Read the documentation",
    description:
      "Without arguments: everything needed to write a program, in about 6,000 tokens. With `page`, a page of the documentation, or its sections if it is long; with `section`, one of them. The page `index` lists all.",
    inputSchema: input({ page: { type: "string", maxLength: 100 }, section: { type: "string", maxLength: 200 } }, []),
    outputSchema: output({
      page: TEXT,
      text: TEXT,
      sections: { type: "array", items: TEXT },
      pages: { type: "array", items: TEXT },
    }),
    readOnly: true,
    inThread: false,
  },
];
