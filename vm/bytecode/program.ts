/**
 * The verified module, and the ways in which a run can end. Only `verifyModule` makes a `Program`. A `Keeper` is an object that also
 * holds caches for `memoizeInObject`.
 */
import type { CapabilityRegistry } from "../capabilities.ts";
import type { Keeper } from "../lazy.ts";
import type { FunctionDef, Module, SourceLocation } from "./module.ts";
import type { TrapKind } from "../outcome.ts";
import type { Value } from "../value/value.ts";

export interface VerifiedFunction extends Keeper {
  readonly index: number;
  readonly def: FunctionDef;
  /**
   * Whether the height of the operand stack before every instruction is known and never negative. Only such a function can be
   * compiled. Any other function is dynamically stacked, so the interpreter checks the stack before each of its instructions.
   */
  readonly staticallyStacked: boolean;
  /** The maximum height of the operand stack, in slots. 0 for a dynamically stacked function, whose stack has no known maximum. */
  readonly maxStack: number;
  /** The height of the operand stack before each instruction, as `stackHeights` returns it. Empty for a dynamically stacked function. */
  readonly heights: Int32Array;
  /** Four words (`CODE_STRIDE`) for each instruction: the opcode's tag and three operands. A missing operand is 0. */
  readonly code: Int32Array;
  /** The ids of the declared capabilities. */
  readonly capabilities: ReadonlySet<number>;
}

export interface Program extends Keeper {
  readonly module: Module;
  readonly registry: CapabilityRegistry;
  readonly functions: readonly VerifiedFunction[];
  /** `sha256:` and the hex digest of the module's canonical JSON without `debug`. */
  readonly moduleHash: string;
  /** Whether some function spawns, sends, receives or has a `par`. If so, the program's tasks must be scheduled. */
  readonly usesActors: boolean;
  /** Whether some function calls a builtin whose code is loaded before the run (`vm/value/elementary.ts`). */
  readonly usesElementaryFunctions: boolean;
}

export interface Trap {
  readonly kind: TrapKind;
  readonly message: string;
  /**
   * The call stack, innermost first, with at most 64 entries. If all of these are in libraries, the innermost frame in the
   * program's own files replaces the last entry.
   */
  readonly stack: readonly SourceLocation[];
  /** The steps of the run up to the trap. */
  readonly step: number;
  readonly actorId: number;
  readonly capability?: string;
  /** The path of the policy rule that refused the call. */
  readonly rule?: string;
  /** The error that the handler threw. Only the embedder sees it; it never enters a log, a span or JSON output. */
  readonly cause?: unknown;
  /** The arguments of the function whose contract failed, as text. */
  readonly counterexample?: readonly string[];
}

/** An actor's failure whose message the parent never received. Failures of the children of a failed actor do not count. */
export interface UnreceivedFailure {
  readonly actorId: number;
  readonly message: string;
}

/** How a run ended. `unreceived` is only for people: value, steps and log do not depend on it. */
export type MachineEnd = {
  readonly steps: number;
  readonly allocBytes: number;
  readonly actors: number;
  /** The failures that no parent received, ordered by parent, then by delivery. */
  readonly unreceived: readonly UnreceivedFailure[];
} & ({ readonly status: "completed"; readonly value: Value } | { readonly status: "trapped"; readonly trap: Trap });
