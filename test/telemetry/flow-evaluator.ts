/**
 * Computes the spans that a run must have from the program's syntax tree (after type checking) and the events of its log, without any
 * bytecode. Answers and messages come from the log, in order. The actors run in rounds, each until it makes a call, waits or ends. So
 * in each round, an actor must need fewer steps than one slice of the machine has.
 */
import { OPCODES } from "../../vm/bytecode/opcodes.ts";
import { INDEX_STEP } from "../../vm/bytecode/update-path.ts";
import { updatePart } from "../../vm/interpreter/update.ts";
import type { BinaryOp } from "../../compiler/ast.ts";
import type { CheckedProgram } from "../../compiler/check/program.ts";
import type { Callable, CheckedPattern, Ir, IrStmt, Local, PatternMatch } from "../../compiler/ir.ts";
import { capabilitiesOf } from "../../compiler/rows.ts";
import { lineTable, positionAt } from "../../compiler/source.ts";
import type { TraceDetail } from "../../telemetry/tracing.ts";
import { BUILTIN_CODE } from "../../vm/builtins/builtin-code.ts";
import { BUILTIN_REGISTRY } from "../../vm/capabilities.ts";
import type { RunEvent } from "../../vm/events.ts";
import { concat, matchPayload, matchTag } from "../../vm/interpreter/operations.ts";
import { RUN_ENDING } from "../../vm/interpreter/host-calls.ts";
import { MachineTrap, Meter } from "../../vm/meter.ts";
import { OUTCOMES, outcomeOfTrap, type TrapKind } from "../../vm/outcome.ts";
import { type ArithmeticOp, arithmetic, negate } from "../../vm/value/arithmetic.ts";
import { compareValues, structuralEqual } from "../../vm/value/equality.ts";
import { ListValue } from "../../vm/value/list.ts";
import { ActorIdValue, ErrValue, OkValue, SomeValue, UNIT, type Value } from "../../vm/value/value.ts";
import type { SpanNode } from "./span-forest.ts";

export interface EvaluatorOptions {
  readonly detail: TraceDetail;
  readonly mode: string;
  /** Calls of these capabilities are denied. */
  readonly denied: ReadonlySet<string>;
  /** The number of calls that the policy allows. */
  readonly budgets: ReadonlyMap<string, number>;
}

interface OpenNode {
  readonly name: string;
  readonly attributes: Record<string, unknown>;
  readonly children: OpenNode[];
}

class FunctionValue {
  readonly target: Callable;
  readonly captured: readonly EvalValue[];
  constructor(target: Callable, captured: readonly EvalValue[]) {
    this.target = target;
    this.captured = captured;
  }
}
type EvalValue = Value | FunctionValue;
/** The evaluation of a part of an actor's code. It yields where the actor waits. */
type Steps<T> = Generator<undefined, T, undefined>;
type AnswerEvent = Extract<RunEvent, { readonly type: "CapResult" | "CapError" }>;

class Break extends Error {}
class Continue extends Error {}
class Return extends Error {
  readonly value: EvalValue;
  constructor(value: EvalValue) {
    super("return");
    this.value = value;
  }
}

interface EvalActor {
  readonly parent: number;
  readonly children: number[];
  /** The spans that have begun and not ended, outermost first. The first is the one in which the actor was spawned. */
  readonly open: OpenNode[];
  readonly mailbox: Value[];
  spawned: { readonly target: Callable; readonly inside: OpenNode }[];
  steps: Steps<EvalValue> | undefined;
  status: "runnable" | "waiting" | "done" | "failed";
}

interface OpenCall {
  readonly actor: EvalActor;
  readonly node: OpenNode;
  answer: AnswerEvent | undefined;
}

const METER = new Meter(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
const ARITHMETIC: Partial<Record<BinaryOp, ArithmeticOp>> = { "+": "Add", "-": "Sub", "*": "Mul", "/": "Div", "%": "Mod" };

const UPDATE_OPCODES = { "+": OPCODES.Add.tag, "-": OPCODES.Sub.tag, "*": OPCODES.Mul.tag, "++": OPCODES.Concat.tag };

function asData(value: EvalValue): Value {
  if (value instanceof FunctionValue) throw new Error("a function as data");
  return value;
}

/** Returns the spans inside the run span. */
export function expectedSpans(program: CheckedProgram, events: readonly RunEvent[], options: EvaluatorOptions): readonly SpanNode[] {
  const main = program.functions.find((f) => f.name === "main");
  if (main === undefined) throw new Error("no main");
  return new Evaluator(program, events, options).run(main);
}

class Evaluator {
  readonly #lines;
  readonly #events: readonly RunEvent[];
  readonly #options: EvaluatorOptions;
  readonly #actors: EvalActor[] = [];
  readonly #counts = new Map<string, number>();
  readonly #openCalls: OpenCall[] = [];
  #at = 0;
  #calls = 0;

  constructor(program: CheckedProgram, events: readonly RunEvent[], options: EvaluatorOptions) {
    this.#lines = lineTable(program.root.text);
    this.#events = events.filter((e) => e.type !== "ContractCheck" && e.type !== "GuardCheck" && e.type !== "MessageSend");
    this.#options = options;
  }

  run(main: Callable): readonly SpanNode[] {
    const root: OpenNode = { name: "boruna.run", attributes: {}, children: [] };
    const trap = this.#runActors(this.#newActor(-1, root, main));
    if (trap !== undefined) for (const actor of this.#actors) markFailed(actor, trap);
    return root.children;
  }

  /** Runs all actors. Returns the trap that ended the run. */
  #runActors(main: EvalActor): TrapKind | undefined {
    for (;;) {
      for (const [id, actor] of [...this.#actors.entries()].filter(([, a]) => a.status === "runnable")) {
        if (actor.status !== "runnable") continue;
        const trap = this.#runSlice(actor);
        if (trap !== undefined && (actor === main || RUN_ENDING.has(trap))) return trap;
        if (trap === undefined) this.#collectSpawned(actor, id);
        else this.#fail(actor, trap);
      }
      while (this.#events[this.#at]?.type === "MessageReceive") this.#deliver(this.#next());
      if (this.#actors.some(({ status }) => status === "runnable")) continue;
      const call = this.#openCalls.shift();
      if (call === undefined) return main.status === "done" ? undefined : "deadlock";
      this.#answer(call);
    }
  }

  #collectSpawned(actor: EvalActor, id: number): void {
    for (const { target, inside } of actor.spawned) {
      const event = this.#next();
      if (event?.type !== "ActorSpawn") unexpected(event);
      actor.children.push(this.#actors.length);
      this.#newActor(id, inside, target);
    }
    actor.spawned = [];
  }

  #deliver(event: RunEvent | undefined): void {
    if (event?.type !== "MessageReceive") return unexpected(event);
    const actor = this.#actors[event.actor_id];
    actor?.mailbox.push(event.payload);
    if (actor?.status === "waiting" && !this.#openCalls.some((call) => call.actor === actor)) actor.status = "runnable";
  }

  /** Gives an open call the next answer of the log. A failed actor never gets it, but the span of its call shows it. */
  #answer(call: OpenCall): void {
    const event = this.#next();
    if (event?.type === "CapResult") call.node.attributes["bytes_out"] = stringBytes(event.result);
    else if (event?.type === "CapError") endWithError(call.node, "runtime_error");
    else return unexpected(event);
    call.answer = event;
    if (call.actor.status === "waiting") call.actor.status = "runnable";
  }

  #newActor(parent: number, inside: OpenNode, target: Callable): EvalActor {
    const actor: EvalActor = {
      parent,
      children: [],
      open: [inside],
      mailbox: [],
      spawned: [],
      steps: undefined,
      status: "runnable",
    };
    actor.steps = this.#call(actor, target, [], 0);
    this.#actors.push(actor);
    return actor;
  }

  /** Runs an actor until it ends or waits. */
  #runSlice(actor: EvalActor): TrapKind | undefined {
    try {
      actor.status = actor.steps?.next().done === true ? "done" : "waiting";
      return undefined;
    } catch (error) {
      if (!(error instanceof MachineTrap)) throw error;
      return error.kind;
    }
  }

  #fail(actor: EvalActor, trap: TrapKind): void {
    actor.status = "failed";
    actor.spawned = [];
    markFailed(actor, trap);
    for (const child of actor.children) this.#fail(this.#actors[child] ?? actor, trap);
  }

  #next(): RunEvent | undefined {
    const event = this.#events[this.#at];
    this.#at += 1;
    return event;
  }

  #line(offset: number): number {
    return positionAt(this.#lines, offset).line;
  }

  /** Evaluates `body` inside the span `node`, if there is one. */
  *#inside<T>(actor: EvalActor, node: OpenNode | undefined, body: () => Steps<T>): Steps<T> {
    if (node === undefined) return yield* body();
    actor.open.at(-1)?.children.push(node);
    actor.open.push(node);
    try {
      const result = yield* body();
      actor.open.pop();
      return result;
    } catch (error) {
      if (!(error instanceof MachineTrap)) actor.open.pop();
      throw error;
    }
  }

  /** Returns the span of a construct. Undefined if constructs become no spans here. */
  #construct(construct: string, offset: number, attributes: Record<string, unknown>): OpenNode | undefined {
    if (this.#options.detail !== "flow" || !this.#makesFlowSpans) return undefined;
    return {
      name: "boruna.flow",
      attributes: { "flow.construct": construct, ...this.#place(offset), ...attributes },
      children: [],
    };
  }

  #place(offset: number): Record<string, unknown> {
    return { "code.file.path": "main.ax", "code.line.number": this.#line(offset) };
  }

  /** The function being evaluated. It is set again after each call, and after each wait for a message. */
  #callable: Callable | undefined;
  /** Whether the function being evaluated declares a capability. Only then do its constructs become spans. */
  get #makesFlowSpans(): boolean {
    return capabilitiesOf(this.#callable?.row ?? []).length > 0;
  }

  *#call(actor: EvalActor, target: Callable, args: readonly EvalValue[], captured: number): Steps<EvalValue> {
    const { body } = target;
    if (body === null) throw new Error("a function without a body");
    const node: OpenNode = {
      name: "boruna.call",
      attributes: {
        "code.function.name": target.name,
        ...this.#place(target.item?.name.span.start ?? body.value.span.start),
        "call.argument_count": args.length - captured,
      },
      children: [],
    };
    const caller = this.#callable;
    const env = new Map<Local, EvalValue>(body.params.map((p, i) => [p, args[i] ?? UNIT]));
    const isFollowed = capabilitiesOf(target.row).length > 0 && this.#options.detail !== "cap";
    const result = yield* this.#inside(actor, isFollowed ? node : undefined, () => this.#body(actor, target, env));
    this.#callable = caller;
    return result;
  }

  *#body(actor: EvalActor, target: Callable, env: Map<Local, EvalValue>): Steps<EvalValue> {
    this.#callable = target;
    const { body } = target;
    if (body === null) return UNIT;
    for (const stmt of body.destructureParams) yield* this.#stmt(actor, env, stmt);
    for (const { condition } of body.requires)
      if ((yield* this.#expr(actor, env, condition)) !== true) throw new MachineTrap("contract_violation", "requires");
    let value: EvalValue;
    try {
      value = yield* this.#expr(actor, env, body.value);
    } catch (error) {
      if (!(error instanceof Return)) throw error;
      ({ value } = error);
    }
    if (body.result !== null) env.set(body.result, value);
    for (const { condition } of body.ensures)
      if ((yield* this.#expr(actor, env, condition)) !== true) throw new MachineTrap("contract_violation", "ensures");
    return value;
  }

  *#all(actor: EvalActor, env: Map<Local, EvalValue>, irs: readonly Ir[]): Steps<EvalValue[]> {
    const values: EvalValue[] = [];
    for (const ir of irs) values.push(yield* this.#expr(actor, env, ir));
    return values;
  }

  *#expr(actor: EvalActor, env: Map<Local, EvalValue>, ir: Ir): Steps<EvalValue> {
    switch (ir.kind) {
      case "const":
        return ir.value;
      case "local":
        return env.get(ir.local) ?? UNIT;
      case "fn":
        return new FunctionValue(ir.target, []);
      case "closure":
        return new FunctionValue(
          ir.target,
          ir.captured.map((local) => env.get(local) ?? UNIT),
        );
      case "call": {
        const args = yield* this.#all(actor, env, ir.args);
        return yield* this.#call(actor, ir.target, args, 0);
      }
      case "call_self": {
        const { params } = this.#callable?.body ?? { params: [] };
        const captured = params.slice(0, params.length - ir.args.length).map((local) => env.get(local) ?? UNIT);
        const args = yield* this.#all(actor, env, ir.args);
        return yield* this.#call(actor, this.#callable ?? unexpected(ir.kind), [...captured, ...args], 0);
      }
      case "call_value": {
        const callee = yield* this.#expr(actor, env, ir.callee);
        const args = yield* this.#all(actor, env, ir.args);
        if (!(callee instanceof FunctionValue)) throw new Error("not a function");
        return yield* this.#call(actor, callee.target, [...callee.captured, ...args], callee.captured.length);
      }
      case "builtin": {
        const [a = UNIT, b = UNIT, c = UNIT] = (yield* this.#all(actor, env, ir.args)).map(asData);
        const builtin = BUILTIN_CODE.get(ir.builtin.name);
        if (builtin === undefined) throw new Error(`no builtin ${ir.builtin.name}`);
        return builtin.run(METER, a, b, c);
      }
      case "op": {
        const [value = UNIT] = (yield* this.#all(actor, env, ir.args)).map(asData);
        if (ir.op === "Not") return value !== true;
        if (ir.op === "Neg") return negate(value);
        throw new Error(`no operation ${ir.op}`);
      }
      case "chain": {
        let value = asData(yield* this.#expr(actor, env, ir.first));
        for (const { op, operand } of ir.rest) value = applyBinary(op, value, asData(yield* this.#expr(actor, env, operand)));
        return value;
      }
      case "logic":
        for (const operand of ir.operands) if ((yield* this.#expr(actor, env, operand)) === (ir.op === "||")) return ir.op === "||";
        return ir.op === "&&";
      case "capability":
        return yield* this.#capability(actor, env, ir);
      case "someOkErr": {
        const value = asData(yield* this.#expr(actor, env, ir.value));
        return ir.wrap === "Some" ? new SomeValue(value) : ir.wrap === "Ok" ? new OkValue(value) : new ErrValue(value);
      }
      case "list":
        return ListValue.of((yield* this.#all(actor, env, ir.items)).map(asData));
      case "if":
        return yield* this.#if(actor, env, ir);
      case "match":
        return yield* this.#match(actor, env, ir);
      case "block":
        for (const stmt of ir.stmts) yield* this.#stmt(actor, env, stmt);
        return ir.value === null ? UNIT : yield* this.#expr(actor, env, ir.value);
      case "spawn":
        this.#capNode(actor, "actor.spawn", 1, [], ir.span.start);
        actor.spawned.push({ target: ir.target, inside: actor.open.at(-1) ?? unexpected(ir.kind) });
        return new ActorIdValue(this.#actors.length + actor.spawned.length - 1);
      case "send": {
        yield* this.#all(actor, env, [ir.actor, ir.message]);
        this.#capNode(actor, "actor.send", 2, [], ir.span.start);
        return UNIT;
      }
      case "emit": {
        yield* this.#expr(actor, env, ir.tree);
        this.#capNode(actor, "ui.render", 1, [], ir.span.start);
        this.#next();
        return UNIT;
      }
      case "receive": {
        const callable = this.#callable;
        while (actor.mailbox.length === 0) yield;
        this.#callable = callable;
        const message = actor.mailbox.shift() ?? UNIT;
        // The programs receive only Ints and actor ids, and the only other messages are failures.
        if (message instanceof ErrValue) throw new MachineTrap("type_error", "a message of another type");
        return message;
      }
      default:
        throw new Error(`no ${ir.kind}`);
    }
  }

  *#if(actor: EvalActor, env: Map<Local, EvalValue>, ir: Ir & { kind: "if" }): Steps<EvalValue> {
    const node = this.#construct("if", ir.span.start, { branch_count: ir.branches.length, branch_taken: -2 });
    const take = (branch: number): void => {
      if (node !== undefined) node.attributes["branch_taken"] = branch;
    };
    const evaluate = (i: Ir): Steps<EvalValue> => this.#expr(actor, env, i);
    return yield* this.#inside(actor, node, function* () {
      for (const [i, { condition, match, body }] of ir.branches.entries()) {
        if (!holds(match, yield* evaluate(condition), env)) continue;
        take(i);
        const value = yield* evaluate(body);
        return ir.otherwise === null ? UNIT : value;
      }
      if (ir.otherwise === null) return UNIT;
      take(-1);
      return yield* evaluate(ir.otherwise);
    });
  }

  *#match(actor: EvalActor, env: Map<Local, EvalValue>, ir: Ir & { kind: "match" }): Steps<EvalValue> {
    const node = this.#construct("match", ir.span.start, { arm_count: ir.arms.length });
    const evaluate = (i: Ir): Steps<EvalValue> => this.#expr(actor, env, i);
    return yield* this.#inside(actor, node, function* () {
      const value = asData(yield* evaluate(ir.scrutinee));
      for (const [i, { pattern, guard, body }] of ir.arms.entries()) {
        if (!matches(pattern, value, env)) continue;
        if (guard !== null && (yield* evaluate(guard)) !== true) continue;
        if (node !== undefined) node.attributes["arm_taken"] = i;
        return yield* evaluate(body);
      }
      throw new MachineTrap("match_exhausted", "no arm");
    });
  }

  *#stmt(actor: EvalActor, env: Map<Local, EvalValue>, stmt: IrStmt): Steps<void> {
    switch (stmt.kind) {
      case "set":
        env.set(stmt.local, yield* this.#expr(actor, env, stmt.value));
        return;
      case "destructure":
        if (matches(stmt.test.pattern, asData(env.get(stmt.subject) ?? UNIT), env)) return;
        if (stmt.otherwise === null) throw new MachineTrap("match_exhausted", "no match");
        yield* this.#expr(actor, env, stmt.otherwise);
        return;
      case "update": {
        const operands: Value[] = [];
        for (const step of stmt.steps) if (step.kind === "index") operands.push(asData(yield* this.#expr(actor, env, step.index)));
        operands.push(asData(yield* this.#expr(actor, env, stmt.value)));
        const steps = stmt.steps.map((step) => (step.kind === "index" ? INDEX_STEP : step.field));
        const operator = stmt.operator === null ? undefined : UPDATE_OPCODES[stmt.operator];
        env.set(stmt.local, updatePart(METER, asData(env.get(stmt.local) ?? UNIT), { steps, operator }, operands));
        return;
      }
      case "expr":
        yield* this.#expr(actor, env, stmt.value);
        return;
      case "break":
        throw new Break();
      case "continue":
        throw new Continue();
      case "return":
        throw new Return(stmt.value === null ? UNIT : yield* this.#expr(actor, env, stmt.value));
      case "while": {
        const node = this.#construct("while", stmt.span.start, { iteration_count: 0, broke_early: true });
        const value = (): Steps<EvalValue> => this.#expr(actor, env, stmt.condition);
        const iterate = (): Steps<boolean> => this.#iteration(actor, env, node, undefined, stmt.body);
        yield* this.#inside(actor, node, function* (): Steps<void> {
          while (holds(stmt.match, yield* value(), env)) if (!(yield* iterate())) return;
          if (node !== undefined) node.attributes["broke_early"] = false;
        });
        return;
      }
      case "for": {
        const start = { iteration_count: 0, broke_early: true, variable_name: stmt.local.name };
        const node = this.#construct("for", stmt.span.start, start);
        const list = (): Steps<EvalValue> => this.#expr(actor, env, stmt.list);
        const iterate = (index: number): Steps<boolean> =>
          this.#iteration(actor, env, node, this.#construct("for.iteration", stmt.span.start, { index }), stmt.body);
        yield* this.#inside(actor, node, function* (): Steps<void> {
          const items = yield* list();
          if (!(items instanceof ListValue)) throw new Error("not a list");
          for (let i = 0; i < items.length; i++) {
            env.set(stmt.local, items.get(i) ?? UNIT);
            if (!(yield* iterate(i))) return;
          }
          if (node !== undefined) node.attributes["broke_early"] = false;
        });
      }
    }
  }

  /** Returns false after a `break`. */
  *#iteration(
    actor: EvalActor,
    env: Map<Local, EvalValue>,
    loop: OpenNode | undefined,
    node: OpenNode | undefined,
    body: Ir,
  ): Steps<boolean> {
    if (loop !== undefined) loop.attributes["iteration_count"] = Number(loop.attributes["iteration_count"]) + 1;
    try {
      yield* this.#inside(actor, node, () => this.#expr(actor, env, body));
      return true;
    } catch (error) {
      if (error instanceof Break) return false;
      if (error instanceof Continue) return true;
      throw error;
    }
  }

  /** Adds the span of a call. `args` are the arguments that may be Strings, whose bytes are counted. */
  #capNode(actor: EvalActor, name: string, argumentCount: number, args: readonly Value[], offset: number): OpenNode {
    this.#calls += 1;
    const node: OpenNode = {
      name: "boruna.cap",
      attributes: {
        "cap.name": name,
        "cap.call": this.#calls,
        "cap.mode": this.#options.mode,
        "cap.argument_count": argumentCount,
        "cap.allowed": true,
        "cap.known": true,
        bytes_in: args.reduce((sum: number, arg) => sum + stringBytes(arg), 0),
        bytes_out: 0,
        "code.function.name": this.#callable?.name,
        ...this.#place(offset),
      },
      children: [],
    };
    actor.open.at(-1)?.children.push(node);
    return node;
  }

  *#capability(actor: EvalActor, env: Map<Local, EvalValue>, ir: Ir & { kind: "capability" }): Steps<EvalValue> {
    const args = (yield* this.#all(actor, env, ir.args)).map(asData);
    const name = BUILTIN_REGISTRY.byId.get(ir.id)?.name ?? "?";
    const node = this.#capNode(actor, name, args.length, args, ir.span.start);
    const end = (kind: string, trap: TrapKind): MachineTrap => {
      endWithError(node, kind);
      return new MachineTrap(trap, "");
    };
    if (this.#options.denied.has(name)) throw end("denied", "capability_denied");
    const count = (this.#counts.get(name) ?? 0) + 1;
    this.#counts.set(name, count);
    const budget = this.#options.budgets.get(name);
    if (budget !== undefined) node.attributes["cap.budget_remaining"] = Math.max(0, budget - count);
    if (budget !== undefined && count > budget) throw end("budget_exceeded", "capability_budget_exceeded");
    const call = this.#next();
    if (call?.type !== "CapCall" || call.capability !== name) return unexpected(call);
    for (const [i, arg] of args.entries()) if (!structuralEqual(arg, call.args[i] ?? UNIT, METER)) unexpected(call);
    const open: OpenCall = { actor, node, answer: undefined };
    this.#openCalls.push(open);
    const callable = this.#callable;
    yield;
    this.#callable = callable;
    const { answer } = open;
    if (answer?.type === "CapResult") return ir.caught ? new OkValue(answer.result) : answer.result;
    if (answer?.type !== "CapError") return unexpected(answer);
    if (ir.caught) return new ErrValue(answer.message);
    throw new MachineTrap("capability_failed", "");
  }
}

function endWithError({ attributes }: OpenNode, kind: string): void {
  Object.assign(attributes, { "error.kind": kind, "error.type": kind, "cap.allowed": kind === "runtime_error" });
  delete attributes["bytes_out"];
  if (kind === "runtime_error") attributes["status"] = "ERROR";
}

/** Returns the bytes of a String, else 0. The generated programs have no Strings inside other values of calls. */
const stringBytes = (value: Value): number => (typeof value === "string" ? Buffer.byteLength(value) : 0);

function unexpected(what: unknown): never {
  throw new Error(`the evaluator did not expect ${JSON.stringify(what)}`);
}

function markFailed(actor: EvalActor, trap: TrapKind): void {
  const { outcome } = outcomeOfTrap(trap);
  for (const { attributes } of actor.open.slice(1)) {
    attributes["error.type"] = outcome;
    if (OUTCOMES[outcome].spanError) attributes["status"] = "ERROR";
  }
  actor.open.length = 1;
}

function applyBinary(op: BinaryOp, a: Value, b: Value): Value {
  const operation = ARITHMETIC[op];
  switch (op) {
    case "==":
      return structuralEqual(a, b, METER);
    case "!=":
      return !structuralEqual(a, b, METER);
    case "<":
      return compareValues(a, b, METER) < 0;
    case "<=":
      return compareValues(a, b, METER) <= 0;
    case ">":
      return compareValues(a, b, METER) > 0;
    case ">=":
      return compareValues(a, b, METER) >= 0;
    default:
      return operation === undefined || typeof a === "string" ? concat(METER, a, b) : arithmetic(operation, a, b);
  }
}

/** Returns whether a condition is true, or whether its pattern matches. */
function holds(match: PatternMatch | null, value: EvalValue, env: Map<Local, EvalValue>): boolean {
  return match === null ? value === true : matches(match.test.pattern, asData(value), env);
}

/** Sets the bindings of a pattern if it matches. */
function matches(pattern: CheckedPattern, value: Value, env: Map<Local, EvalValue>): boolean {
  switch (pattern.kind) {
    case "wildcard":
      return true;
    case "bind":
      env.set(pattern.local, value);
      return true;
    case "literal":
      return structuralEqual(pattern.value, value, METER);
    case "or":
      return pattern.alternatives.some((alternative) => matches(alternative, value, env));
    case "list":
      throw new Error("no list pattern");
    case "constructor": {
      const { form } = pattern.constructor_;
      if (form.kind !== "tag") throw new Error(`no pattern ${form.kind}`);
      return matchTag(value) === form.tag && pattern.args.every((arg) => matches(arg, matchPayload(value), env));
    }
  }
}
