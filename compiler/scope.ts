/** Defines what names refer to: the items that a file can name, and the bindings of one function. */
import type { ParsedFile, Span } from "./ast.ts";
import type { Diagnostics } from "./diagnostics.ts";
import type { HiddenNames } from "./hidden-names.ts";
import type { Callable, Local } from "./ir.ts";
import type { SourceFile } from "./source.ts";
import type { CheckedType, TypeDecl } from "./check-types.ts";
import type { RowItem } from "./rows.ts";

/** A source file while it is compiled, with its syntax tree, its diagnostics, and every item it can name. */
export interface SourceUnit extends SourceFile {
  readonly parsed: ParsedFile;
  readonly diagnostics: Diagnostics;
  /** The names that the file may declare in damaged sections. */
  readonly hidden: HiddenNames;
  /** The functions that the file declares or imports, by name. */
  readonly functions: Map<string, Callable>;
  /** The records and enums that the file declares or imports, by name. */
  readonly types: Map<string, TypeDecl>;
  /** For messages: the name of the file that declares each function and type. The keys are `fn NAME` and `type NAME`. */
  readonly declaredIn: Map<string, string>;
  /** For messages: the items that imported files declare but do not export, by the same keys, with the name of the file. */
  readonly privateIn: Map<string, string>;
}

/** A use of a capability by a function. E007, with its path of calls, and W001 are computed from these uses. */
export interface CapabilityUse {
  readonly span: Span;
  /** The called function that uses the capability; null if the capability itself, a builtin or a function value is called. */
  readonly via: Callable | null;
}

/** What the scopes of a named function and of its lambdas share. */
interface BodyState {
  /** The span of the function's item. */
  readonly span: Span;
  /**
   * Whether the body has an error other than E014 (cannot infer), or uses a name of `SourceUnit.hidden`. Undecided types may follow from that,
   * so they are not reported.
   */
  hasError: boolean;
  /** Whether E014 was reported in the body. */
  hasUndecidedType: boolean;
}

const NO_USES: ReadonlyMap<RowItem, CapabilityUse> = new Map();
const NO_CALLEES: ReadonlyMap<Callable, Span> = new Map();
const NO_CAPTURES: ReadonlyMap<Local, Local> = new Map();

const bindingsOf = (block: ReadonlyMap<string, Local> | undefined): readonly Local[] => (block === undefined ? [] : [...block.values()]);

/**
 * The state of checking the body of one function: its blocks with their bindings, and the capabilities it uses. The scope of
 * a lambda is nested in the scope of the enclosing function.
 */
export class FunctionScope {
  readonly unit: SourceUnit;
  readonly callable: Callable;
  readonly parent: FunctionScope | null;
  /** The type that `return` must have; a fresh variable if a lambda has no result type. */
  readonly result: CheckedType;
  // Most scopes need only some of these maps and sets, so each is made when something is added to it.
  #uses: Map<RowItem, CapabilityUse> | undefined = undefined;
  #callees: Map<Callable, Span> | undefined = undefined;
  #captured: Map<Local, Local> | undefined = undefined;
  #assigned: Set<Local> | undefined = undefined;
  /** The bindings of the open blocks, the innermost last. */
  readonly #blocks: (Map<string, Local> | undefined)[] = [undefined];
  /** Whether the body contains `receive` or `self()` and the function declares no messages. */
  usesUntypedMailbox = false;
  /** Shared by the scopes of a function and of its lambdas. */
  readonly body: BodyState;
  /** The loops around the current statement, the innermost last, each with whether a `break` leaves it. */
  readonly loops: { hasBreak: boolean }[] = [];
  /** In a local function, the binding of its own name. */
  self: Local | undefined = undefined;
  /** The binding `result` of the `ensures` clauses; null until these clauses are checked. */
  ensuresResult: Local | null = null;
  /** The names of the `let` statements whose values are being checked. */
  readonly #unfinished: string[] = [];
  /** Whether a contract clause is being checked. Such a clause must be pure. */
  inContract = false;
  /** Whether the function is a branch of a `par`. */
  isBranch = false;
  /** The number of lambdas found so far, from which the names of lambdas are made. */
  lambdaCount = 0;

  constructor(unit: SourceUnit, callable: Callable, result: CheckedType, outer: FunctionScope | Span) {
    this.unit = unit;
    this.callable = callable;
    this.result = result;
    const isInner = outer instanceof FunctionScope;
    this.parent = isInner ? outer : null;
    this.body = isInner ? outer.body : { span: outer, hasError: false, hasUndecidedType: false };
  }

  /** The first use of each capability and row variable. */
  get uses(): ReadonlyMap<RowItem, CapabilityUse> {
    return this.#uses ?? NO_USES;
  }

  /** The first call of each named function, or its first use as a value. */
  get callees(): ReadonlyMap<Callable, Span> {
    return this.#callees ?? NO_CALLEES;
  }

  /** Maps captured bindings of enclosing functions to this lambda's copies of the bindings. */
  get captured(): ReadonlyMap<Local, Local> {
    return this.#captured ?? NO_CAPTURES;
  }

  /** The bindings that the body assigns to. */
  get assigned(): Set<Local> {
    this.#assigned ??= new Set();
    return this.#assigned;
  }

  /**
   * Returns whether the file may declare the function or type in text that could not be read. If so, the caller must not report errors
   * that follow from a use of the name.
   */
  mayBeInDamagedText(name: string): boolean {
    const { names, all } = this.unit.hidden;
    if (!names.has(name) && (!all || name.includes("."))) return false;
    this.body.hasError = true;
    return true;
  }

  /** Begins a block. */
  enter(): void {
    this.#blocks.push(undefined);
  }

  /** Ends the block and returns its bindings. */
  leave(): readonly Local[] {
    return bindingsOf(this.#blocks.pop());
  }

  /** Returns the bindings of the current block. */
  bindings(): readonly Local[] {
    return bindingsOf(this.#blocks.at(-1));
  }

  /** Adds a binding to the current block. Returns the binding of the same name that it replaces in this block, if there is one. */
  declare(local: Local): Local | undefined {
    const innermost = this.#blocks.length - 1;
    const block = this.#blocks[innermost] ?? new Map<string, Local>();
    this.#blocks[innermost] = block;
    const replaced = block.get(local.name);
    block.set(local.name, local);
    return replaced;
  }

  /** Returns the binding that the name refers to. If an enclosing function declares it, captures it and returns the copy of this lambda. */
  lookup(name: string): Local | undefined {
    const own = this.#lookupOwn(name);
    if (own !== undefined) return own;
    const outer = this.parent?.lookup(name);
    if (outer === undefined) return undefined;
    outer.isUsed = true;
    const existingCopy = this.#captured?.get(outer);
    if (existingCopy !== undefined) return existingCopy;
    const copy: Local = { ...outer, isMutable: false, isUsed: true };
    this.#captured ??= new Map();
    this.#captured.set(outer, copy);
    return copy;
  }

  /** Returns the binding of this function that the name refers to. */
  #lookupOwn(name: string): Local | undefined {
    for (let i = this.#blocks.length - 1; i >= 0; i--) {
      const local = this.#blocks[i]?.get(name);
      if (local !== undefined) return local;
    }
    return undefined;
  }

  /** Returns whether the name refers to a binding. Captures nothing. */
  has(name: string): boolean {
    return this.#lookupOwn(name) !== undefined || (this.parent?.has(name) ?? false);
  }

  /** Returns the binding `result` of the `ensures` clauses, if the name refers to it. Captures nothing. */
  ensuresResultNamed(name: string): Local | undefined {
    const found = this.#lookupOwn(name);
    if (found === undefined) return this.parent?.ensuresResultNamed(name);
    return found === this.ensuresResult ? found : undefined;
  }

  /** Returns the type of the binding that the name refers to. Captures nothing. */
  typeOf(name: string): CheckedType | undefined {
    return this.#lookupOwn(name)?.type ?? this.parent?.typeOf(name);
  }

  /** Returns the names of all visible bindings, as candidates for a misspelt name. */
  names(): string[] {
    return [...this.#blocks.flatMap((b) => [...(b?.keys() ?? [])]), ...(this.parent?.names() ?? [])];
  }

  /** Begins the value of a `let`. The name of the `let` is not in scope there. */
  beginValue(name: string): void {
    this.#unfinished.push(name);
  }

  endValue(): void {
    this.#unfinished.pop();
  }

  /** Returns undefined unless the value of a `let` with that name is being checked. `inLambda`: the use is inside a lambda in that value. */
  inOwnValue(name: string, inLambda = false): { readonly inLambda: boolean } | undefined {
    return this.#unfinished.includes(name) ? { inLambda } : this.parent?.inOwnValue(name, true);
  }

  /** Records the use of a capability or row variable, unless an earlier use is recorded. */
  recordUse(item: RowItem, use: CapabilityUse): void {
    this.#uses ??= new Map();
    if (!this.#uses.has(item)) this.#uses.set(item, use);
  }

  /** Records a call of a named function, or its use as a value. */
  recordCallee(callee: Callable, span: Span): void {
    this.#callees ??= new Map();
    if (!this.#callees.has(callee)) this.#callees.set(callee, span);
  }

  /** Returns whether the binding is a copy of a binding of an enclosing function. */
  isCaptured(local: Local): boolean {
    return [...this.captured.values()].includes(local);
  }
}
