/** A module that the verifier has passed, ready to run. Made by `verifyModule` only. */
import type { CapabilityRegistry } from "../capabilities.ts";
import type { CodePlace, FunctionDef, Module } from "./module.ts";
import type { TrapKind } from "../outcome.ts";
import type { Value } from "../value/value.ts";

export interface VerifiedFunction {
  readonly index: number;
  readonly def: FunctionDef;
  /**
   * Stack heights agree on every path and never underflow; the fast engine takes these only.
   * An irregular function runs in the interpreter, every step checked.
   */
  readonly regular: boolean;
  /** Highest operand stack of a regular function, in slots; 0 for an irregular one. */
  readonly maxStack: number;
  /** Four numbers an instruction: opcode tag, operands (0 where there is none). */
  readonly code: Int32Array;
  /** Ids of the capabilities it declares. */
  readonly capabilities: ReadonlySet<number>;
}

export interface Program {
  readonly module: Module;
  readonly registry: CapabilityRegistry;
  readonly functions: readonly VerifiedFunction[];
  /** `sha256:` and hex, over the canonical JSON of the module without `debug`. */
  readonly moduleHash: string;
  /** Some function spawns, sends or receives: it runs under the actor scheduler. */
  readonly usesActors: boolean;
}

export interface Trap {
  readonly kind: TrapKind;
  readonly message: string;
  /** Innermost first, at most 64 entries; the last one is the program's own where all before it are of libraries. */
  readonly stack: readonly CodePlace[];
  readonly step: number;
  readonly actorId: number;
  readonly capability?: string;
  /** Path of the policy rule that refused the call. */
  readonly rule?: string;
  /** What the handler of the call threw. For the embedder: it is part of no log, span or JSON output. */
  readonly cause?: unknown;
  /** Text forms of the arguments of a function whose contract failed. */
  readonly counterexample?: readonly string[];
}

/** The failure of an actor that its parent, which has not failed itself, did not receive. */
export interface UnreceivedFailure {
  readonly actorId: number;
  readonly message: string;
}

/** `unreceived` is told to people only: it is no part of the value, the steps or the log. */
export type MachineEnd = {
  readonly steps: number;
  readonly allocBytes: number;
  readonly actors: number;
  /** In the order of the parents, then of delivery. */
  readonly unreceived: readonly UnreceivedFailure[];
} & ({ readonly status: "completed"; readonly value: Value } | { readonly status: "trapped"; readonly trap: Trap });
