/** A host for tests of the machine, and handwritten modules. */
import type { RunEvent } from "../../vm/events.ts";
import type { CapabilityAnswer, CapabilityRequest, Host, HostStop } from "../../vm/host.ts";
import { DEFAULT_LIMITS, type Limits } from "../../vm/limits.ts";
import type { FunctionDef, Instruction, MatchArm, Module } from "../../vm/bytecode/module.ts";
import type { OpName } from "../../vm/bytecode/opcodes.ts";
import type { MachineEnd } from "../../vm/bytecode/program.ts";
import { runMachine } from "../../vm/scheduler/scheduler.ts";
import { loadElementaryFunctions } from "../../vm/value/elementary.ts";
import { UNIT, type Value } from "../../vm/value/value.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";

// If these functions were loaded later, the first run of a program that uses them would return a promise.
await loadElementaryFunctions();

type CallHandler = (request: CapabilityRequest) => CapabilityAnswer | Promise<CapabilityAnswer>;

/** A host that keeps what the program did. */
export interface TestHost extends Host {
  readonly events: RunEvent[];
  readonly debugged: string[];
  readonly calls: CapabilityRequest[];
}

export interface HostOptions {
  readonly call?: CallHandler;
  readonly event?: (event: RunEvent) => HostStop | undefined;
  readonly debug?: (text: string) => HostStop | undefined;
  readonly interrupted?: () => "timeout" | "canceled" | undefined;
}

/** Allows every call and answers with the mock. Internal capabilities produce no events. */
export function testHost(options: HostOptions = {}): TestHost {
  const events: RunEvent[] = [];
  const debugged: string[] = [];
  const calls: CapabilityRequest[] = [];
  const call = options.call ?? (({ capability, args }) => ({ ok: true, value: capability.mock?.(args) ?? UNIT }) as const);
  return {
    events,
    debugged,
    calls,
    call(request) {
      calls.push(request);
      const { name } = request.capability;
      if (request.capability.internal === true) return call(request);
      events.push({ type: "CapCall", capability: name, args: request.args });
      const finish = (answer: CapabilityAnswer): CapabilityAnswer => {
        if (answer.ok) events.push({ type: "CapResult", capability: name, result: answer.value });
        return answer;
      };
      const answer = call(request);
      return "then" in answer ? answer.then(finish) : finish(answer);
    },
    event(event) {
      events.push(event);
      return options.event?.(event);
    },
    debug(text) {
      debugged.push(text);
      return options.debug?.(text);
    },
    interrupted: options.interrupted ?? (() => undefined),
  };
}

type Code = OpName | readonly [OpName, ...number[]];

/** A function of a handwritten module. What is left out is empty or 0. */
export interface TestFunction {
  readonly name?: string;
  readonly arity?: number;
  readonly locals?: number;
  readonly code: readonly Code[];
  readonly capabilities?: readonly number[];
  readonly matchTables?: readonly (readonly MatchArm[])[];
}

const instruction = (code: Code): Instruction =>
  typeof code === "string" ? { op: code, operands: [] } : { op: code[0], operands: code.slice(1).filter((x) => typeof x === "number") };

function functionOf(fn: TestFunction, index = 0): FunctionDef {
  return {
    name: fn.name ?? `f${index}`,
    arity: fn.arity ?? 0,
    locals: fn.locals ?? fn.arity ?? 0,
    code: fn.code.map(instruction),
    capabilities: fn.capabilities ?? [],
    intent: null,
    matchTables: fn.matchTables ?? [],
  };
}

/** Function 0 is the entry. */
export function moduleOf(functions: readonly TestFunction[], constants: readonly Value[] = [], more: Partial<Module> = {}): Module {
  return { name: "test", constants, globals: [], types: [], functions: functions.map(functionOf), entry: 0, ...more };
}

export interface RunOptions {
  readonly limits?: Partial<Limits>;
  readonly args?: readonly Value[];
  readonly actors?: boolean;
  readonly trace?: (line: string) => void;
}

/** Runs a module. Returns a promise only if a call does. */
export function start(module: Module, host: Host, options: RunOptions = {}): MachineEnd | Promise<MachineEnd> {
  const { limits, args = [], ...rest } = options;
  return runMachine(verifyModule(module), host, { limits: { ...DEFAULT_LIMITS, ...limits }, args, ...rest });
}

/** A run without asynchronous calls. */
export function run(module: Module, options: RunOptions = {}, host: Host = testHost()): MachineEnd {
  const end = start(module, host, options);
  if ("then" in end) throw new Error("the run waits for a promise");
  return end;
}

/** The value of a run that completes. */
export function valueOf(end: MachineEnd): Value {
  if (end.status !== "completed") throw new Error(`trapped: ${end.trap.kind}: ${end.trap.message}`);
  return end.value;
}

/** The kind of the trap, or "completed". */
export function kindOf(end: MachineEnd): string {
  return end.status === "completed" ? "completed" : end.trap.kind;
}
