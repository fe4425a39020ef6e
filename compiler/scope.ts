/** What names refer to: the items that a file can name, and the bindings of one function. */
import type { ParsedFile, Span } from "./ast.ts";
import type { Diagnostics } from "./diagnostics.ts";
import type { Callable, Local } from "./ir.ts";
import type { SourceFile } from "./source.ts";
import type { CheckedType, TypeDecl } from "./check-types.ts";

/** A source file while it is compiled, with its syntax tree, its diagnostics, and every item it can name. */
export interface Unit extends SourceFile {
  readonly parsed: ParsedFile;
  readonly diagnostics: Diagnostics;
  /** Its own functions and the imported ones, by name. */
  readonly functions: Map<string, Callable>;
  /** Its own records and enums and the imported ones, by name. */
  readonly types: Map<string, TypeDecl>;
  /** The name of the file that declares each of them, for messages. The keys are `fn NAME` and `type NAME`. */
  readonly declaredIn: Map<string, string>;
}

/** A use of a capability by a function: the source of E007 with its call path, and of W001. */
export interface CapabilityUse {
  readonly span: Span;
  /** The function that is called and uses it; null if the capability itself is called. */
  readonly via: Callable | null;
}

/** The state of checking one function's body: its blocks with their bindings, and the capabilities it uses. Lambdas nest. */
export class FunctionScope {
  readonly unit: Unit;
  readonly callable: Callable;
  readonly parent: FunctionScope | null;
  /** The type that `return` must have; a fresh variable if a lambda has no result type. */
  readonly result: CheckedType;
  /** The first use of each capability. */
  readonly uses = new Map<string, CapabilityUse>();
  /** Bindings of enclosing functions, with this lambda's copies of them. */
  readonly captured = new Map<Local, Local>();
  readonly #blocks: Map<string, Local>[] = [new Map<string, Local>()];
  loopDepth = 0;
  /** The binding `result` of the `ensures` clauses. */
  ensured: Local | null = null;
  /** Whether a contract clause is being checked, which must be pure. */
  inContract = false;
  /** Lambdas found so far, which numbers their names. */
  lambdas = 0;

  constructor(unit: Unit, callable: Callable, result: CheckedType, parent: FunctionScope | null) {
    this.unit = unit;
    this.callable = callable;
    this.result = result;
    this.parent = parent;
  }

  enter(): void {
    this.#blocks.push(new Map());
  }

  /** Ends the block and returns its bindings. */
  leave(): readonly Local[] {
    return [...(this.#blocks.pop()?.values() ?? [])];
  }

  /** Adds a binding to the current block. Returns the one of that name that it replaces in this block. */
  declare(local: Local): Local | undefined {
    const block = this.#blocks.at(-1);
    const before = block?.get(local.name);
    block?.set(local.name, local);
    return before;
  }

  /** The binding that the name refers to. One of an enclosing function is captured: this function gets a copy. */
  lookup(name: string): Local | undefined {
    for (let i = this.#blocks.length - 1; i >= 0; i--) {
      const found = this.#blocks[i]?.get(name);
      if (found !== undefined) return found;
    }
    const outer = this.parent?.lookup(name);
    if (outer === undefined) return undefined;
    outer.used = true;
    const known = this.captured.get(outer);
    if (known !== undefined) return known;
    const copy: Local = { ...outer, mutable: false, used: true };
    this.captured.set(outer, copy);
    return copy;
  }

  /** The binding `result` of the `ensures` clauses, if the name refers to it. Captures nothing. */
  ensuredNamed(name: string): Local | undefined {
    const found = this.#blocks.findLast((block) => block.has(name))?.get(name);
    if (found === undefined) return this.parent?.ensuredNamed(name);
    return found === this.ensured ? found : undefined;
  }

  /** The names of all visible bindings, as candidates for a misspelt name. */
  names(): string[] {
    return [...this.#blocks.flatMap((b) => [...b.keys()]), ...(this.parent?.names() ?? [])];
  }

  /** Records the use, unless there is an earlier one. */
  use(capability: string, use: CapabilityUse): void {
    if (!this.uses.has(capability)) this.uses.set(capability, use);
  }

  /** Whether the binding is a copy of an enclosing function's. */
  isCaptured(local: Local): boolean {
    return [...this.captured.values()].includes(local);
  }
}
