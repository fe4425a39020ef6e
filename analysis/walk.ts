/**
 * Walks the body of one function and collects what the function may do. That is its capability calls, and the functions that it calls,
 * spawns, or passes to code that may call them.
 *
 *     fn load(paths: List<String>) -> List<String> !{fs.read} { list.map(paths, fs.read) }
 *
 * A call of a source builtin (one that is written in the language), such as `list.map`, is walked as if it were inlined. So the walk sees
 * that `load` calls the function value `fs.read` once for each element, not only that it passes the value on. Other functions are walked on
 * their own, once for each combination of arguments (`reached.ts`), and return what is known about their result.
 *
 * The walk tracks a function value from its creation to its calls while it is in a variable, an argument or a list. Anywhere else, such as in
 * a record, in a result or in an argument of a native builtin, it *escapes*. Any code may then call it, any number of times and with any
 * arguments. These calls count as made by the function in which it escapes.
 */
import type { Span } from "../compiler/ast.ts";
import type { Callable, Ir, IrStmt, Local } from "../compiler/ir.ts";
import { prune } from "../compiler/check-types.ts";
import { CAPABILITY_IDS } from "../vm/capabilities.ts";
import { MapValue } from "../vm/value/map.ts";
import { untrackedIn } from "./bindings.ts";
import {
  functionsIn,
  IGNORE_LOST,
  joinKnown,
  type Known,
  knownConcat,
  knownConstant,
  NEVER,
  withEntry,
  withoutEntry,
  withoutFunctions,
} from "./known.ts";

/** A function as it is called with certain arguments. One function may have several instances. */
export interface FunctionInstance {
  readonly callable: Callable;
}

/** How a function runs another one: by a call, by spawning it as an actor, or by passing it on as a value, which some code calls. */
export type EdgeKind = "call" | "spawn" | "value";

/** The first place at which one function runs another. */
export interface Edge {
  readonly kind: EdgeKind;
  readonly span: Span;
}

/** A capability call in the source. */
export interface CallSite {
  readonly capability: number;
  readonly span: Span;
  readonly args: readonly Known[];
  /** The expressions of the arguments. */
  readonly irs: readonly Ir[];
  /** Maximum number of times one run of the function makes this call: 0 in a loop over an empty list, Infinity if no bound is known. */
  readonly times: number;
}

/** What one call of a function may do. */
export interface Walked {
  /** The functions that a call of this one may run directly, except as actors. */
  readonly edges: ReadonlyMap<FunctionInstance, Edge>;
  /** The functions that this one spawns as actors. */
  readonly spawns: ReadonlyMap<FunctionInstance, Edge>;
  readonly sites: readonly CallSite[];
  /** How often one call of this function can directly run each function, and each capability, which is given by its number. */
  readonly runs: ReadonlyMap<FunctionInstance | number, number>;
  /** The constant texts that contain `{{secret:`, the beginning of a placeholder for a secret. */
  readonly placeholders: ReadonlySet<string>;
  /** What is known about the result. */
  readonly result: Known;
}

/** Receives what a walk learns about the arguments of other functions. */
export interface WalkListener {
  /** The walked function calls `target` with these arguments. Returns the called instance, and what is known about its result. */
  readonly called: (target: Callable, args: readonly Known[]) => { readonly instance: FunctionInstance; readonly result: Known };
  /** `target` captures these values. */
  readonly captured: (target: Callable, values: readonly Known[]) => void;
  /** The walk has lost track of `target`: any code may call it, with any arguments. Returns the instance whose arguments are unknown. */
  readonly escaped: (target: Callable) => FunctionInstance;
  /** `target` runs as an actor. */
  readonly spawned: (target: Callable) => FunctionInstance;
}

/** Limit on the nesting of source builtins that are walked as if inlined. */
const MAX_INLINE_DEPTH = 4;

/** Whether the function is a source builtin. */
const isSourceBuiltin = (callable: Callable): boolean => callable.file.name.startsWith("builtin:");

/** Multiplies two counts. Here, 0 times Infinity is 0. */
export const multiplyCounts = (a: number, b: number): number => (a === 0 || b === 0 ? 0 : boundCount(a * b));
/** Returns the count, or Infinity if it is too large to be exact. */
export const boundCount = (count: number): number => (count > Number.MAX_SAFE_INTEGER ? Infinity : count);

/** Walks a function. `params` is what is known about its captured values, and then about its parameters. */
export function walkFunction(callable: Callable, params: readonly Known[], listener: WalkListener): Walked {
  const found: Found = { edges: new Map(), spawns: new Map(), sites: [], runs: new Map(), placeholders: new Set() };
  if (callable.body === null) return { ...found, result: undefined };
  const result = new Walk(callable, found, listener, 1, []).body(params);
  return { ...found, result };
}

interface Found {
  readonly edges: Map<FunctionInstance, Edge>;
  readonly spawns: Map<FunctionInstance, Edge>;
  readonly sites: CallSite[];
  runs: Map<FunctionInstance | number, number>;
  readonly placeholders: Set<string>;
}

const PLACEHOLDER_START = "{{secret:";

class Walk {
  readonly #callable: Callable;
  readonly #found: Found;
  readonly #listener: WalkListener;
  /** How often the current code can run in one call of the function. */
  #times: number;
  /** The builtins whose bodies are being walked, outermost first. */
  readonly #inlined: readonly Callable[];
  /** What is known about the bindings that are set so far, except those in `#untracked`. */
  readonly #known = new Map<Local, Known>();
  /** The bindings whose values the walk does not track (bindings.ts). */
  readonly #untracked: ReadonlySet<Local>;
  /** While a source builtin is walked, the span of its call. Reports show this span, not spans in the builtin's body. */
  readonly #place: Span | undefined;
  /** What is known about the results of the `return` statements walked so far. */
  #result: Known = NEVER;

  constructor(callable: Callable, found: Found, listener: WalkListener, times: number, inlined: readonly Callable[], place?: Span) {
    this.#callable = callable;
    this.#found = found;
    this.#listener = listener;
    this.#times = times;
    this.#inlined = inlined;
    this.#place = place;
    this.#untracked = untrackedIn(callable);
  }

  /** Walks the body. Returns what is known about the result. Functions in the result escape. */
  body(args: readonly Known[]): Known {
    const { body } = this.#callable;
    if (body === null) return undefined;
    body.params.forEach((param, i) => this.#bind(param, args[i]));
    for (const stmt of body.destructureParams) this.#stmt(stmt);
    for (const { condition } of body.requires) this.#walkEscaping(condition);
    this.#return(this.#value(body.value), body.value.span);
    for (const { condition } of body.ensures) this.#walkEscaping(condition);
    return this.#result;
  }

  #return(known: Known, span: Span): void {
    this.#escape(known, span);
    this.#result = joinKnown(this.#result, withoutFunctions(known), IGNORE_LOST);
  }

  #bind(local: Local, known: Known): void {
    if (this.#untracked.has(local)) this.#escape(known, local.span);
    else this.#known.set(local, known);
  }

  /** Walks an expression. Functions in its value escape. */
  #walkEscaping(ir: Ir): void {
    this.#escape(this.#value(ir), ir.span);
  }

  #escape(known: Known, span: Span): void {
    for (const target of functionsIn(known)) this.#recordRun(this.#listener.escaped(target), "value", span, Infinity);
  }

  /** Walks an expression. Functions in its value escape. Returns what else is known about the value. */
  #dataOf(ir: Ir): Known {
    const known = this.#value(ir);
    this.#escape(known, ir.span);
    return withoutFunctions(known);
  }

  /** Records that the current code makes a function run `count` times. */
  #recordRun(target: FunctionInstance, kind: EdgeKind, span: Span, count: number): void {
    const total = multiplyCounts(this.#times, count);
    if (total === 0) return;
    const edges = kind === "spawn" ? this.#found.spawns : this.#found.edges;
    if (!edges.has(target)) edges.set(target, { kind, span: this.#place ?? span });
    this.#addRuns(target, total);
  }

  #addRuns(target: FunctionInstance | number, count: number): void {
    const { runs } = this.#found;
    runs.set(target, boundCount((runs.get(target) ?? 0) + count));
  }

  #recordCapability(capability: number, span: Span, args: readonly Known[] = [], irs: readonly Ir[] = []): void {
    this.#found.sites.push({ capability, span, args, irs, times: this.#times });
    if (this.#times > 0) this.#addRuns(capability, this.#times);
  }

  /** Walks code that runs `count` times for each time that the code around it runs. */
  #repeat(count: number, code: () => void): void {
    const outer = this.#times;
    this.#times = multiplyCounts(outer, count);
    code();
    this.#times = outer;
  }

  /** Walks code that runs once for each element of a list. */
  #forEach(list: Known, span: Span, code: (element: Known) => void): void {
    if (list?.kind === "list") return this.#repeat(list.length, () => code(list.element));
    this.#escape(list, span);
    this.#repeat(Infinity, () => code(undefined));
  }

  /** Walks alternatives of which one runs. Each function and capability gets its highest count in any of them. Returns what is known about the value. */
  #oneOf(parts: readonly Ir[]): Known {
    const outer = this.#found.runs;
    const most = new Map<FunctionInstance | number, number>();
    let known = NEVER;
    for (const part of parts) {
      this.#found.runs = new Map();
      known = joinKnown(known, this.#dataOf(part), IGNORE_LOST);
      for (const [target, count] of this.#found.runs) most.set(target, Math.max(most.get(target) ?? 0, count));
    }
    this.#found.runs = outer;
    for (const [target, count] of most) this.#addRuns(target, count);
    return known;
  }

  /** Walks an expression and returns what is known about its value. The caller must track the functions in it, or let them escape. */
  #value(ir: Ir): Known {
    switch (ir.kind) {
      case "const":
        if (typeof ir.value === "string" && ir.value.includes(PLACEHOLDER_START)) this.#found.placeholders.add(ir.value);
        return knownConstant(ir.value);
      case "local":
        return this.#known.get(ir.local);
      case "fn":
        return { kind: "functions", targets: new Set([ir.target]) };
      case "closure": {
        const captured = ir.captured.map((local) => this.#known.get(local));
        this.#capture(ir.target, captured, ir.span);
        return { kind: "functions", targets: new Set([ir.target]) };
      }
      case "builtin_value":
      case "receive":
        return undefined;
      case "call":
        return this.#call(ir);
      case "call_self": {
        const args = ir.args.map((arg) => this.#value(arg));
        return this.#enter(this.#callable, args, ir.span);
      }
      case "call_value": {
        const callee = this.#value(ir.callee);
        const args = ir.args.map((arg) => this.#value(arg));
        return this.#callValue(callee, args, ir.span);
      }
      case "builtin":
        return this.#builtin(ir);
      case "op":
        return this.#op(ir);
      case "text": {
        let text: Known = knownConstant("");
        for (const { value, type } of ir.parts) {
          const part = this.#value(value);
          this.#escape(part, value.span);
          const t = prune(type);
          text = knownConcat(text, t.kind === "primitive" && t.name === "String" ? part : undefined);
        }
        return text;
      }
      case "chain":
        return this.#chain(ir);
      case "logic":
        for (const operand of ir.operands) this.#walkEscaping(operand);
        return undefined;
      case "capability":
        this.#recordCapability(
          ir.id,
          ir.span,
          ir.args.map((arg) => this.#dataOf(arg)),
          ir.args,
        );
        return undefined;
      case "record":
        return { kind: "record", fields: ir.fields.map((field) => this.#dataOf(field)) };
      case "variant_record":
        for (const field of ir.fields) this.#walkEscaping(field);
        return undefined;
      case "enum":
        if (ir.payload !== null) this.#walkEscaping(ir.payload);
        return undefined;
      case "someOkErr":
        this.#walkEscaping(ir.value);
        return undefined;
      case "propagate":
        this.#walkEscaping(ir.value);
        this.#result = undefined;
        return undefined;
      case "get_field": {
        const known = this.#dataOf(ir.target);
        return known?.kind === "record" ? known.fields[ir.index] : undefined;
      }
      case "par":
        for (const branch of ir.branches) this.#callValue(this.#value(branch), [], branch.span);
        return undefined;
      case "list":
        return this.#list(ir);
      case "map": {
        let map: Known = knownConstant(MapValue.EMPTY);
        for (const { key, value } of ir.entries) {
          const knownKey = this.#dataOf(key);
          map = withEntry(map, knownKey, this.#dataOf(value));
        }
        return map;
      }
      case "if": {
        for (const branch of ir.branches) this.#walkEscaping(branch.condition);
        const known = this.#oneOf([...ir.branches.map(({ body }) => body), ...(ir.otherwise === null ? [] : [ir.otherwise])]);
        return ir.otherwise === null ? undefined : known;
      }
      case "match":
        this.#walkEscaping(ir.scrutinee);
        for (const { guard } of ir.arms) if (guard !== null) this.#walkEscaping(guard);
        return this.#oneOf(ir.arms.map(({ body }) => body));
      case "block":
        for (const stmt of ir.stmts) this.#stmt(stmt);
        if (ir.value === null) return leavesBlock(ir.stmts.at(-1)) ? NEVER : undefined;
        return this.#value(ir.value);
      case "spawn":
        this.#recordCapability(CAPABILITY_IDS.actorSpawn, ir.span);
        this.#recordRun(this.#listener.spawned(ir.target), "spawn", ir.span, 1);
        return undefined;
      case "send":
        this.#walkEscaping(ir.actor);
        this.#walkEscaping(ir.message);
        this.#recordCapability(CAPABILITY_IDS.actorSend, ir.span);
        return undefined;
      case "emit":
        this.#walkEscaping(ir.tree);
        this.#recordCapability(CAPABILITY_IDS.uiRender, ir.span);
        return undefined;
    }
  }

  /**
   * Returns what the walk of `target` may assume about its arguments: usually all that is known about them. But the callers of a source builtin
   * that is not inlined share one instance. So nothing is assumed for it, and functions in its arguments escape.
   */
  #argsSeenBy(target: Callable, args: readonly Known[], span: Span): readonly Known[] {
    if (!isSourceBuiltin(target)) return args;
    for (const arg of args) this.#escape(arg, span);
    return args.map(() => undefined);
  }

  #capture(target: Callable, values: readonly Known[], span: Span): void {
    if (this.#times > 0) this.#listener.captured(target, this.#argsSeenBy(target, values, span));
  }

  /** Records a call of a function, and returns what is known about its result. */
  #enter(target: Callable, args: readonly Known[], span: Span): Known {
    if (this.#times === 0) return undefined;
    const { instance, result } = this.#listener.called(target, this.#argsSeenBy(target, args, span));
    this.#recordRun(instance, "call", span, 1);
    return result;
  }

  #call({ target, args: given, span }: Ir & { kind: "call" }): Known {
    const args = given.map((arg) => this.#value(arg));
    if (isSourceBuiltin(target) && this.#inlined.length < MAX_INLINE_DEPTH && !this.#inlined.includes(target)) {
      const inner = new Walk(target, this.#found, this.#listener, this.#times, [...this.#inlined, target], this.#place ?? span);
      return inner.body(args);
    }
    return this.#enter(target, args, span);
  }

  #callValue(callee: Known, args: readonly Known[], span: Span): Known {
    if (callee?.kind !== "functions") {
      this.#escape(callee, span);
      for (const arg of args) this.#escape(arg, span);
      return undefined;
    }
    let result = NEVER;
    for (const target of callee.targets) result = joinKnown(result, this.#enter(target, args, span), IGNORE_LOST);
    return result;
  }

  #builtin({ builtin, args: given, span }: Ir & { kind: "builtin" }): Known {
    const args = given.map((arg) => this.#value(arg));
    for (const arg of args) this.#escape(arg, span);
    const [first, second, third] = args;
    switch (builtin.name) {
      case "panic":
        return NEVER;
      case "map.set":
        return withEntry(withoutFunctions(first), second, withoutFunctions(third));
      case "map.remove":
        return withoutEntry(first);
    }
    if (builtin.name === "list.len" && first?.kind === "list") return { kind: "int", min: 0, max: first.length };
    if (builtin.name !== "list.range" || first?.kind !== "int" || second?.kind !== "int") return undefined;
    const element: Known = { kind: "int", min: first.min, max: second.max - 1 };
    return { kind: "list", length: Math.max(0, second.max - first.min), element };
  }

  #op({ op, args: given, span }: Ir & { kind: "op" }): Known {
    const args = given.map((arg) => this.#value(arg));
    const [list, fn] = args;
    if (op === "ParMap") {
      this.#forEach(list, span, (element) => this.#callValue(fn, [element], span));
      return undefined;
    }
    for (const arg of args) this.#escape(arg, span);
    return op === "ListLen" && list?.kind === "list" ? { kind: "int", min: 0, max: list.length } : undefined;
  }

  #list({ items }: Ir & { kind: "list" }): Known {
    let element: Known;
    items.forEach((item, i) => {
      const next = this.#value(item);
      element =
        i === 0 ? next : joinKnown(element, next, (targets) => this.#escape({ kind: "functions", targets: new Set(targets) }, item.span));
    });
    return { kind: "list", length: items.length, element };
  }

  #chain({ first, rest }: Ir & { kind: "chain" }): Known {
    let known = this.#value(first);
    this.#escape(known, first.span);
    for (const { op, operand } of rest) {
      const next = this.#value(operand);
      this.#escape(next, operand.span);
      known = knownOfOperator(op, known, next);
    }
    return known;
  }

  #stmt(stmt: IrStmt): void {
    switch (stmt.kind) {
      case "set":
        this.#bind(stmt.local, this.#value(stmt.value));
        return;
      case "destructure":
        // The subject is untracked (bindings.ts). When it was set, `#bind` let its functions escape.
        if (stmt.otherwise !== null) this.#walkEscaping(stmt.otherwise);
        return;
      case "update":
        for (const step of stmt.steps) if (step.kind === "index") this.#walkEscaping(step.index);
        this.#walkEscaping(stmt.value);
        return;
      case "while":
        this.#repeat(Infinity, () => {
          this.#walkEscaping(stmt.condition);
          this.#walkEscaping(stmt.body);
        });
        return;
      case "for":
        this.#forEach(this.#value(stmt.list), stmt.list.span, (element) => {
          this.#bind(stmt.local, element);
          this.#walkEscaping(stmt.body);
        });
        return;
      case "return":
        if (stmt.value !== null) this.#return(this.#value(stmt.value), stmt.value.span);
        return;
      case "expr":
        this.#walkEscaping(stmt.value);
        return;
      case "break":
      case "continue":
        return;
    }
  }
}

/** Whether the statement leaves its block. */
const leavesBlock = (stmt: IrStmt | undefined): boolean => stmt?.kind === "return" || stmt?.kind === "break" || stmt?.kind === "continue";

/** Returns what is known about the result of an operator. */
function knownOfOperator(op: string, a: Known, b: Known): Known {
  if (op === "++" || (op === "+" && a?.kind === "text")) {
    if (a?.kind === "list" && b?.kind === "list") {
      const joined = joinKnown(a, b, IGNORE_LOST);
      return joined?.kind === "list" ? { ...joined, length: a.length + b.length } : undefined;
    }
    return knownConcat(a, b);
  }
  if (a?.kind !== "int" || b?.kind !== "int") return undefined;
  const [min, max] = op === "+" ? [a.min + b.min, a.max + b.max] : op === "-" ? [a.min - b.max, a.max - b.min] : [-Infinity, Infinity];
  return Number.isSafeInteger(min) && Number.isSafeInteger(max) ? { kind: "int", min, max } : undefined;
}
