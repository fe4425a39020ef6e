/**
 * Declares the spans that Boruna defines itself, and every attribute that they may have. `gen-ai.ts` and `mcp-span.ts` declare the spans of
 * OpenTelemetry's conventions. The types in `otel.ts`, the documentation and tests come from these tables. No attribute may hold an argument,
 * a result, an absolute path, a URL, a prompt, source text or an error message.
 */

interface SpanSpec {
  readonly doc: string;
}

export const SPANS = {
  "action.run": { doc: "one around each task of a runner (`runTask`), rejected ones included; parent of the task's `boruna.run`" },
  "boruna.run": { doc: "one around each run" },
  "boruna.cap": { doc: "one for every capability call, however it ends; child of the innermost span below, or of the run" },
  "boruna.call": { doc: "at detail `call` or `flow`: a call of a function that declares a capability, `main` and actors included" },
  "boruna.flow": { doc: "at detail `flow`: a construct of control flow in such a function, or an iteration of a `for`" },
} as const satisfies Record<string, SpanSpec>;

export type SpanName = keyof typeof SPANS;

interface AttributeSpec {
  readonly spans: readonly SpanName[];
  readonly type: "string" | "int" | "bool";
  /** The condition for setting the attribute. Absent if it is always set. */
  readonly when?: string;
  readonly doc: string;
}

const TASK_SPAN = ["action.run"] as const;
const RUN_SPAN = ["boruna.run"] as const;
const CALL_SPAN = ["boruna.cap"] as const;
const FAILING_SPANS = ["action.run", "boruna.run", "boruna.cap", "boruna.call", "boruna.flow"] as const;
const FUNCTION_SPANS = ["boruna.cap", "boruna.call"] as const;
const CODE_SPANS = ["boruna.cap", "boruna.call", "boruna.flow"] as const;
const FLOW_SPAN = ["boruna.flow"] as const;

/** Part of the condition of the `gen_ai.*` attributes. If there is a span of the GenAI conventions (`gen-ai.ts`), only that has them. */
const WITHOUT_CHAT_SPAN = "and has no span of the GenAI conventions";

export const ATTRIBUTES = {
  "action.fqn": {
    spans: TASK_SPAN,
    type: "string",
    when: "the envelope has a well-formed one",
    doc: "full name of the action, as the envelope gives it",
  },
  "task.id": {
    spans: TASK_SPAN,
    type: "string",
    when: "the envelope has a well-formed one",
    doc: "id of the task, as the envelope gives it",
  },
  "action.outcome": {
    spans: TASK_SPAN,
    type: "string",
    doc: "how the run ended, see the outcome table; `rejected` if the program was not run",
  },
  "boruna.run.id": { spans: RUN_SPAN, type: "string", doc: "id of the run, as in its log" },
  "boruna.version": { spans: RUN_SPAN, type: "string", doc: "version of the boruna package that ran the program" },
  "boruna.program.name": { spans: RUN_SPAN, type: "string", doc: "name of the module" },
  "boruna.module.hash": { spans: RUN_SPAN, type: "string", doc: "`sha256:` and hex of the module without debug info" },
  "boruna.policy.hash": { spans: RUN_SPAN, type: "string", doc: "`sha256:` and hex of the effective policy" },
  "boruna.run.mode": { spans: RUN_SPAN, type: "string", doc: "mock, live or replay" },
  "boruna.run.replay_of": { spans: RUN_SPAN, type: "string", when: "the run is a replay", doc: "id of the recorded run" },
  "boruna.run.resumed_from": {
    spans: RUN_SPAN,
    type: "int",
    when: "the run was resumed",
    doc: "events that its log had then; the calls among them have no span here",
  },
  "boruna.run.outcome": { spans: RUN_SPAN, type: "string", doc: "how the run ended; see the outcome table" },
  "boruna.run.limit": { spans: RUN_SPAN, type: "string", when: "the outcome is limit_exceeded", doc: "steps, alloc, output, log or depth" },
  "boruna.run.steps": { spans: RUN_SPAN, type: "int", doc: "instructions executed, actors included" },
  "boruna.run.alloc_bytes": { spans: RUN_SPAN, type: "int", doc: "bytes of all values made, cumulative" },
  "boruna.run.calls.total": { spans: RUN_SPAN, type: "int", doc: "capability calls made" },
  "boruna.run.calls.dispatched": { spans: RUN_SPAN, type: "int", doc: "calls that reached a handler" },
  "boruna.run.calls.denied": {
    spans: RUN_SPAN,
    type: "int",
    doc: "calls refused by the policy or because the function does not declare the capability",
  },
  "boruna.run.calls.unknown": {
    spans: RUN_SPAN,
    type: "int",
    doc: "calls of a capability without a handler; such a call may also be denied",
  },
  "boruna.run.calls.budget_exceeded": { spans: RUN_SPAN, type: "int", doc: "calls over their budget" },
  "boruna.run.calls.failed": { spans: RUN_SPAN, type: "int", doc: "calls whose handler failed" },
  "boruna.run.spans_dropped": {
    spans: RUN_SPAN,
    type: "int",
    when: "there are any",
    doc: "`boruna.call` and `boruna.flow` spans that were dropped, because a run has at most 10,000 of them",
  },
  "process.exit.code": { spans: RUN_SPAN, type: "int", when: "the command line made the run", doc: "exit code of the process" },
  "cap.name": { spans: CALL_SPAN, type: "string", doc: "the capability, such as net.fetch" },
  "cap.call": { spans: CALL_SPAN, type: "int", doc: "number of the call in its run" },
  "cap.mode": { spans: CALL_SPAN, type: "string", doc: "mock, live or replay" },
  "cap.argument_count": { spans: CALL_SPAN, type: "int", doc: "arguments that the program passed; defaults do not count" },
  "cap.allowed": {
    spans: CALL_SPAN,
    type: "bool",
    doc: "whether the function declares the capability, the policy allows the call, and the budget had room for it",
  },
  "cap.known": { spans: CALL_SPAN, type: "bool", doc: "whether something serves the capability, allowed or not" },
  bytes_in: { spans: CALL_SPAN, type: "int", doc: "UTF-8 bytes of every String reachable from the arguments" },
  bytes_out: { spans: CALL_SPAN, type: "int", when: "the call succeeded", doc: "UTF-8 bytes of every String reachable from the result" },
  "cap.budget_remaining": {
    spans: CALL_SPAN,
    type: "int",
    when: "the rule has a budget and the call was not denied",
    doc: "calls still allowed after this one; 0 on budget_exceeded",
  },
  "error.kind": {
    spans: CALL_SPAN,
    type: "string",
    when: "the call did not succeed",
    doc: "denied, budget_exceeded, runtime_error or unknown",
  },
  "error.type": {
    spans: FAILING_SPANS,
    type: "string",
    when: "on a capability call: with error.kind; on a run or task: with status ERROR; otherwise: a failure of the actor or the run ended the span",
    doc: "the same word as error.kind, or the outcome; for a rejected task the kind of the error, such as task.refused",
  },
  "code.file.path": {
    spans: CODE_SPANS,
    type: "string",
    when: "the module has debug info",
    doc: "file of the capability call, of the function, or of the construct, as the module names it",
  },
  "code.line.number": {
    spans: CODE_SPANS,
    type: "int",
    when: "the module has debug info",
    doc: "line of the capability call, of the function's declaration, or of the construct, from 1",
  },
  "code.function.name": {
    spans: FUNCTION_SPANS,
    type: "string",
    doc: "function that makes the capability call, or that is called",
  },
  "code.caller.file.path": {
    spans: CALL_SPAN,
    type: "string",
    when: "the call is made in a library and the module has debug info",
    doc: "file of the innermost frame outside libraries: where the program called the library",
  },
  "code.caller.line.number": { spans: CALL_SPAN, type: "int", when: "with code.caller.file.path", doc: "line of that frame, from 1" },
  "code.caller.function.name": { spans: CALL_SPAN, type: "string", when: "with code.caller.file.path", doc: "function of that frame" },
  "gen_ai.operation.name": { spans: CALL_SPAN, type: "string", when: `the call is an llm.call ${WITHOUT_CHAT_SPAN}`, doc: "chat" },
  "gen_ai.request.model": {
    spans: CALL_SPAN,
    type: "string",
    when: `an llm.call names a model, or a live one uses the operator's default ${WITHOUT_CHAT_SPAN}`,
    doc: "the requested model",
  },
  "gen_ai.usage.input_tokens": {
    spans: CALL_SPAN,
    type: "int",
    when: `the answer of an llm.call says so ${WITHOUT_CHAT_SPAN}`,
    doc: "tokens of the prompt",
  },
  "gen_ai.usage.output_tokens": {
    spans: CALL_SPAN,
    type: "int",
    when: `the answer of an llm.call says so ${WITHOUT_CHAT_SPAN}`,
    doc: "tokens of the answer",
  },
  "call.argument_count": { spans: ["boruna.call"], type: "int", doc: "arguments that the program passed" },
  "flow.construct": { spans: FLOW_SPAN, type: "string", doc: "if, match, while, for, for.iteration, par or par.branch" },
  branch_count: {
    spans: FLOW_SPAN,
    type: "int",
    when: "an if or par",
    doc: "conditions of the chain, where `else` does not count; branches of the par",
  },
  branch_taken: { spans: FLOW_SPAN, type: "int", when: "an if", doc: "branch taken, from 0; -1 for `else`, -2 for none" },
  arm_count: { spans: FLOW_SPAN, type: "int", when: "a match", doc: "arms" },
  arm_taken: { spans: FLOW_SPAN, type: "int", when: "a match that took an arm", doc: "arm taken, from 0" },
  iteration_count: { spans: FLOW_SPAN, type: "int", when: "a while or for", doc: "iterations that began" },
  broke_early: {
    spans: FLOW_SPAN,
    type: "bool",
    when: "a while or for",
    doc: "whether something else ended the loop than its condition or the end of its list",
  },
  variable_name: { spans: FLOW_SPAN, type: "string", when: "a for", doc: "name of the variable" },
  index: { spans: FLOW_SPAN, type: "int", when: "a for.iteration or par.branch", doc: "number of the iteration or branch, from 0" },
} as const satisfies Record<string, AttributeSpec>;

type AttributeName = keyof typeof ATTRIBUTES;

type TypeOf<T> = T extends "string" ? string : T extends "bool" ? boolean : number;

/** The attributes of one kind of span, with the types from the table. */
export type SpanAttributes<S extends SpanName> = {
  [A in AttributeName as S extends (typeof ATTRIBUTES)[A]["spans"][number] ? A : never]?: TypeOf<(typeof ATTRIBUTES)[A]["type"]>;
};

/** Returns the attributes that a span of this name may have, in the order of the table. */
export function attributesOf(span: SpanName): readonly (readonly [AttributeName, AttributeSpec])[] {
  const names: ReadonlySet<string> = new Set(Object.keys(ATTRIBUTES));
  const isName = (name: string): name is AttributeName => names.has(name);
  return Object.keys(ATTRIBUTES)
    .filter(isName)
    .flatMap((name) => {
      const spec: AttributeSpec = ATTRIBUTES[name];
      return spec.spans.includes(span) ? [[name, spec] as const] : [];
    });
}
