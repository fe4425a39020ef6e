/** What names mean: files with their items, and the bindings inside one function. */
import type { ParsedFile, Span } from "./ast.ts";
import type { Diagnostics } from "./diagnostics.ts";
import type { Callable, Local } from "./ir.ts";
import type { SourceFile } from "./source.ts";
import type { CheckedType, TypeDecl } from "./check-types.ts";

/** One file with everything its text can name. */
export interface Unit extends SourceFile {
  readonly parsed: ParsedFile;
  readonly diagnostics: Diagnostics;
  /** Own items and what the imports bring, by name. */
  readonly functions: Map<string, Callable>;
  readonly types: Map<string, TypeDecl>;
  /** Where each visible item was declared, for messages. */
  readonly declaredIn: Map<string, string>;
}

/** A use of a capability, for E007's call path and W001. */
export interface CapabilityUse {
  readonly span: Span;
  /** The function called, or null where the capability itself is. */
  readonly via: Callable | null;
}

/** The function whose body is being checked. Lambdas nest. */
export class FunctionScope {
  readonly unit: Unit;
  readonly callable: Callable;
  readonly parent: FunctionScope | null;
  /** The result wanted of `return`; a fresh variable for a lambda without annotation. */
  readonly result: CheckedType;
  /** Capabilities used so far, with the first use of each. */
  readonly uses = new Map<string, CapabilityUse>();
  /** Locals of enclosing functions and this function's copies of them. */
  readonly captured = new Map<Local, Local>();
  readonly #blocks: Map<string, Local>[] = [new Map<string, Local>()];
  loopDepth = 0;
  /** The binding `result` of the `ensures` clauses. */
  ensured: Local | null = null;
  /** Contract clauses must be pure. */
  inContract = false;
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

  /** The bindings of the block that ends. */
  leave(): readonly Local[] {
    return [...(this.#blocks.pop()?.values() ?? [])];
  }

  /** Returns the binding of the same name that it replaces in this very block. */
  declare(local: Local): Local | undefined {
    const block = this.#blocks.at(-1);
    const before = block?.get(local.name);
    block?.set(local.name, local);
    return before;
  }

  /** A local of this function, or this function's copy of an enclosing function's. */
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

  /** The binding `result` of the `ensures` clauses, where the name means that one. Captures nothing. */
  ensuredNamed(name: string): Local | undefined {
    const found = this.#blocks.findLast((block) => block.has(name))?.get(name);
    if (found === undefined) return this.parent?.ensuredNamed(name);
    return found === this.ensured ? found : undefined;
  }

  /** All names a misspelt one may have meant. */
  names(): string[] {
    return [...this.#blocks.flatMap((b) => [...b.keys()]), ...(this.parent?.names() ?? [])];
  }

  use(capability: string, use: CapabilityUse): void {
    if (!this.uses.has(capability)) this.uses.set(capability, use);
  }

  isCaptured(local: Local): boolean {
    return [...this.captured.values()].includes(local);
  }
}
