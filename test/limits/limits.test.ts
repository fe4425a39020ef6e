/** Tests every limit of `vm/limits.ts` just under and just over. A limit without a probe fails the first test. */
import { expect, test } from "vitest";
import { someOf } from "../cases.ts";
import { compile } from "../../compiler/compile.ts";
import { executeProgram } from "../../gateway/run.ts";
import type { EventSink } from "../../gateway/run-events.ts";
import { recordBytes } from "../../gateway/logged-bytes.ts";
import { ALLOW_ALL } from "../../policy/policy.ts";
import { BUILTINS } from "../../vm/builtins/builtin-table.ts";
import { decodeModule } from "../../vm/bytecode/codec.ts";
import { slotsCharge } from "../../vm/cost.ts";
import { BorunaError } from "../../vm/error.ts";
import type { RunEvent } from "../../vm/events.ts";
import { type Limits, LIMITS, MACHINE_LIMITS, MODULE_LIMITS } from "../../vm/limits.ts";
import type { Module } from "../../vm/bytecode/module.ts";
import { textForm } from "../../vm/value/display.ts";
import { ActorIdValue, UNIT, type Value } from "../../vm/value/value.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import { kindOf, moduleOf, run, type RunOptions, type TestFunction, testHost } from "../vm/helpers.ts";

type Code = TestFunction["code"];
type Ended = string | Promise<string>;

interface Probe {
  /** Each returns how the program or module ends: exactly at the limit, and one beyond it. */
  readonly under: () => Ended;
  readonly over: () => Ended;
  /** The expected results of `under` and `over`. */
  readonly gives: readonly [under: string, over: string];
}

/** Makes a probe. `at(beyond)` goes as far as the limit, plus `beyond`. */
const probe = (gives: Probe["gives"], at: (beyond: 0 | 1) => Ended): Probe => ({ gives, under: () => at(0), over: () => at(1) });

/** Returns what `body` returns, or the kind of the `BorunaError` that it throws. */
function ends(body: () => string): string {
  try {
    return body();
  } catch (error) {
    if (error instanceof BorunaError) return error.kind;
    throw error;
  }
}

const runs = (module: () => Module, options: RunOptions = {}): string => ends(() => kindOf(run(module(), options)));
const program = (code: Code, constants: readonly Value[] = [], more: Partial<TestFunction> = {}): Module =>
  moduleOf([{ ...more, code }], constants);
const repeated = <T>(count: number, item: T): T[] => Array.from({ length: count }, () => item);
const nops = (count: number): Code => repeated(count, "Nop" as const);
const builtin = (name: string): number => BUILTINS.find((b) => b.name === name)?.id ?? -1;

/** Returns code that repeats a body as often as constant 0 says. Local 0 counts down. */
const times = (body: Code): Code => {
  const start: Code = [
    ["PushConst", 0],
    ["StoreLocal", 0],
  ];
  const next: Code = [["LoadLocal", 0], ["PushConst", 1], "Sub", "Dup", ["StoreLocal", 0], ["JmpIf", start.length]];
  return [...start, ...body, ...next];
};

const LOOP = "fn main() -> Int { let mut i = 0\n while true { i = i + 1 }\n i }";
const EMIT = 'fn main() -> Int !{ui.render} { emit Json::String("0123456789")\n 1 }';

/** How a program ends with the gateway, which checks the limits that the machine does not. */
async function executed(text: string, limits: Partial<Limits>, clock?: () => number, sink?: EventSink): Promise<string> {
  const { outcome, error } = await executeProgram(verifyModule(compile({ name: "main.ax", text }).module), {
    policy: ALLOW_ALL,
    runId: "limits",
    limits,
    ...(clock === undefined ? {} : { clock }),
    ...(sink === undefined ? {} : { sink }),
  });
  return error?.kind ?? outcome;
}

/** A clock that reads 0 three times, then `byMs`. */
function clockThatMoves(byMs: number): () => number {
  let asked = 0;
  return () => (asked++ < 3 ? 0 : byMs);
}

const RUN_PROBES: Readonly<Record<keyof typeof LIMITS, Probe>> = {
  max_steps: probe(["completed", "step_limit"], (beyond) =>
    runs(() => program([...nops(99), "Ret"]), { limits: { max_steps: 100 - beyond } }),
  ),
  max_alloc_bytes: probe(["completed", "alloc_limit"], (beyond) =>
    runs(() => program([["PushConst", 0], ["MakeList", 1], "Ret"], [1]), { limits: { max_alloc_bytes: slotsCharge(1) - beyond } }),
  ),
  max_call_depth: probe(["completed", "stack_overflow"], (beyond) =>
    runs(() => moduleOf([{ code: [["Call", 1, 0], "Ret"] }, { code: [["Call", 2, 0], "Ret"] }, { code: ["Ret"] }]), {
      limits: { max_call_depth: 3 - beyond },
    }),
  ),
  max_output_bytes: probe(["success", "output_limit"], async (beyond) => {
    // The length of the tree's text is the limit at which the run just passes.
    let bytes = 0;
    while ((await executed(EMIT, { max_output_bytes: bytes })) !== "success") bytes += 1;
    expect(bytes).toBeGreaterThanOrEqual(10);
    return executed(EMIT, { max_output_bytes: bytes - beyond });
  }),
  max_log_bytes: probe(["success", "log_limit"], async (beyond) => {
    const events: RunEvent[] = [];
    await executed(EMIT, {}, undefined, { append: (event) => void events.push(event) });
    const bytes = events.reduce((sum, event, i) => sum + recordBytes(event, i + 1), 0);
    return executed(EMIT, { max_log_bytes: bytes - beyond });
  }),
  // Main is a task, too.
  max_tasks: probe(["success", "task_limit"], (beyond) =>
    executed("fn idle() {}\nfn main() !{actor.spawn} {\n let _ = spawn idle\n let _ = spawn idle\n}", { max_tasks: 3 - beyond }),
  ),
  max_wall_ms: probe(["step_limit", "timeout"], (beyond) =>
    executed(LOOP, { max_wall_ms: 1_000, max_steps: 1_000_000 }, clockThatMoves(999 + beyond)),
  ),
};

const FULL_FRAMES = Math.floor((MACHINE_LIMITS.stackSlots - 1) / MODULE_LIMITS.locals);

const MACHINE_PROBES: Readonly<Record<keyof typeof MACHINE_LIMITS, Probe>> = {
  // The last step of a slice executes no instruction. The log has one `SchedulerTick` for each slice.
  sliceSteps: probe(["1 turn", "2 turns"], (beyond) => {
    const host = testHost();
    run(program([...nops(MACHINE_LIMITS.sliceSteps - 3 + beyond), "Ret"]), { actors: true }, host);
    const turns = host.events.filter((e) => e.type === "SchedulerTick").length;
    return `${turns} turn${turns > 1 ? "s" : ""}`;
  }),
  // Task 1 sends at the end of a full slice, task 2 at once. If task 1 has one instruction too many, it sends in its next slice, after task 2.
  taskSliceSteps: probe(["1, 2", "2, 1"], (beyond) => {
    const host = testHost();
    const send = (nopCount: number, constant: number): TestFunction["code"] => [
      ...nops(nopCount),
      ["PushConst", 0],
      ["PushConst", constant],
      "SendMsg",
      "Ret",
    ];
    const main: TestFunction["code"] = [["SpawnActor", 1], ["SpawnActor", 2], "Ret"];
    const functions = [{ code: main }, { code: send(MACHINE_LIMITS.taskSliceSteps - 3 + beyond, 1) }, { code: send(0, 2) }];
    run({ ...moduleOf(functions, [new ActorIdValue(0), 1, 2]), tasks: 1 }, {}, host);
    return host.events.flatMap((e) => (e.type === "MessageSend" ? [textForm(e.payload)] : [])).join(", ");
  }),
  // The root actor counts too.
  actors: probe(["completed", "alloc_limit"], (beyond) =>
    runs(() =>
      moduleOf(
        [{ locals: 1, code: [...times([["SpawnActor", 1], "Pop"]), "Ret"] }, { code: ["Ret"] }],
        [MACHINE_LIMITS.actors - 1 + beyond, 1],
      ),
    ),
  ),
  // Frames with the maximum number of locals, and a last one that fills the rest. The last one also has an operand; the others have none.
  stackSlots: probe(["completed", "stack_overflow"], (beyond) =>
    runs(() =>
      moduleOf([
        ...Array.from(
          { length: FULL_FRAMES },
          (_, i): TestFunction => ({ locals: MODULE_LIMITS.locals, code: [["Call", i + 1, 0], "Ret"] }),
        ),
        { locals: MACHINE_LIMITS.stackSlots - FULL_FRAMES * MODULE_LIMITS.locals - 1 + beyond, code: [["LoadLocal", 0], "Ret"] },
      ]),
    ),
  ),
  // A hundred blocked actors, each with its locals, one operand slot and its frame.
  totalSlots: probe(["completed", "alloc_limit"], (beyond) => {
    const waiting = (locals: number): TestFunction => ({ locals, code: ["ReceiveMsg", "Ret"] });
    const locals = MACHINE_LIMITS.totalSlots / 100 - 5;
    return runs(() =>
      moduleOf(
        [
          { locals: 1, code: [...times([["SpawnActor", 1], "Pop"]), ["SpawnActor", 2], "Pop", "Ret"] },
          waiting(locals),
          waiting(locals + beyond),
        ],
        [99, 1],
      ),
    );
  }),
  frameSlots: probe(["completed", "stack_overflow"], (beyond) =>
    runs(() => program([...repeated(MACHINE_LIMITS.frameSlots + beyond, ["PushConst", 0] as const), "Ret"], [1])),
  ),
  valueDepth: probe(["completed", "invalid_value"], (beyond) =>
    runs(() =>
      program(
        [
          ...times([
            ["LoadLocal", 1],
            ["Wrap", 0],
            ["StoreLocal", 1],
          ]),
          ["LoadLocal", 1],
          "Ret",
        ],
        [MACHINE_LIMITS.valueDepth + beyond, 1],
        {
          locals: 2,
        },
      ),
    ),
  ),
  valueNodes: probe(["completed", "alloc_limit"], (beyond) =>
    runs(() =>
      program([["PushConst", 0], ["PushConst", 1], ["Builtin", builtin("list.range"), 2], "Ret"], [0, MACHINE_LIMITS.valueNodes + beyond]),
    ),
  ),
  valueTextUnits: probe(["completed", "alloc_limit"], (beyond) =>
    runs(() =>
      program(
        [["PushConst", 0], ["PushConst", 1], ["Builtin", builtin("string.repeat"), 2], "Ret"],
        ["x", MACHINE_LIMITS.valueTextUnits + beyond],
      ),
    ),
  ),
  // The quotes count too.
  displayTextUnits: probe(["whole", "cut"], (beyond) => {
    const text = textForm("x".repeat(MACHINE_LIMITS.displayTextUnits - 2 + beyond));
    return text.endsWith("…") || text.length > MACHINE_LIMITS.displayTextUnits ? "cut" : "whole";
  }),
};

const HEADER = [0x4c, 0x4c, 0x4d, 0x42, 1, 0] as const;

function headerOf(payloadBytes: number): Uint8Array {
  const bytes = new Uint8Array(HEADER.length + 4);
  bytes.set(HEADER);
  new DataView(bytes.buffer).setUint32(HEADER.length, payloadBytes, true);
  return bytes;
}

const constantOfDepth = (depth: number): Uint8Array =>
  new TextEncoder().encode(
    `{"name":"n","version":1,"constants":[${'{"Some":'.repeat(depth)}"Unit"${"}".repeat(depth)}],"globals":[],"types":[],"functions":[{"name":"main","arity":0,"locals":0,"code":["Ret"],"capabilities":[]}],"entry":0}`,
  );

const constructsOfDepth = (depth: number): Uint8Array => {
  const flow = [1, ...repeated(depth, [2, 1, 0, 1, -1])];
  const debug = { files: [], functions: [{ file: -1, locals: [], spans: [], flow }] };
  const functions = [{ name: "main", arity: 0, locals: 0, code: ["Ret"], capabilities: [] }];
  return new TextEncoder().encode(
    JSON.stringify({ name: "n", version: 1, constants: [], globals: [], types: [], functions, entry: 0, debug }),
  );
};

const TOO_LARGE = ["completed", "module.too_large"] as const;

const MODULE_PROBES: Readonly<Record<keyof typeof MODULE_LIMITS, Probe>> = {
  // The length is checked before the payload, which is missing here.
  bytes: probe(["module.truncated", "module.too_large"], (beyond) => ends(() => decodeModule(headerOf(MODULE_LIMITS.bytes + beyond)).name)),
  functions: probe(TOO_LARGE, (beyond) => runs(() => moduleOf(repeated(MODULE_LIMITS.functions + beyond, { code: [] })))),
  codeLength: probe(TOO_LARGE, (beyond) => runs(() => program(nops(MODULE_LIMITS.codeLength + beyond)))),
  constants: probe(TOO_LARGE, (beyond) => runs(() => program(["Ret"], repeated(MODULE_LIMITS.constants + beyond, UNIT)))),
  globals: probe(TOO_LARGE, (beyond) =>
    runs(() => moduleOf([{ code: [] }], [], { globals: repeated(MODULE_LIMITS.globals + beyond, "g") })),
  ),
  types: probe(TOO_LARGE, (beyond) =>
    runs(() =>
      moduleOf([{ code: [] }], [], {
        types: Array.from({ length: MODULE_LIMITS.types + beyond }, (_, i) => ({ name: `T${i}`, kind: "record", fields: [] })),
      }),
    ),
  ),
  matchArms: probe(TOO_LARGE, (beyond) =>
    runs(() =>
      program([["PushConst", 0], ["Match", 0], "Ret"], [1], {
        matchTables: [repeated(MODULE_LIMITS.matchArms + beyond, { tag: -1, target: 2 })],
      }),
    ),
  ),
  locals: probe(TOO_LARGE, (beyond) => runs(() => program(["Ret"], [], { locals: MODULE_LIMITS.locals + beyond }))),
  flowDepth: probe(TOO_LARGE, (beyond) => runs(() => decodeModule(constructsOfDepth(MODULE_LIMITS.flowDepth + beyond)))),
  constantDepth: probe(TOO_LARGE, (beyond) => runs(() => decodeModule(constantOfDepth(MODULE_LIMITS.constantDepth + beyond)))),
};

/** Limits that cannot be reached in reasonable time, each with the reason. Currently none. */
const WITHOUT_PROBE: ReadonlyMap<string, string> = new Map();

const TABLES = [
  ["LIMITS", LIMITS, RUN_PROBES],
  ["MACHINE_LIMITS", MACHINE_LIMITS, MACHINE_PROBES],
  ["MODULE_LIMITS", MODULE_LIMITS, MODULE_PROBES],
] as const;

test("every limit has a probe, or a reason for having none", () => {
  const limits = TABLES.flatMap(([table, fields]) => Object.keys(fields).map((field) => `${table}.${field}`));
  const probed = TABLES.flatMap(([table, , probes]) => Object.keys(probes).map((field) => `${table}.${field}`));
  expect(probed.filter((name) => WITHOUT_PROBE.has(name))).toEqual([]);
  expect([...probed, ...WITHOUT_PROBE.keys()].toSorted()).toEqual(limits.toSorted());
});

const ROWS = TABLES.flatMap(([table, , probes]) =>
  Object.entries(probes).map(([field, row]): [string, Probe] => [`${table}.${field}`, row]),
);

test.each(someOf(ROWS))("%s: just under", async (_, { under, gives }) => expect(await under()).toBe(gives[0]));
test.each(ROWS)("%s: just over", async (_, { over, gives }) => expect(await over()).toBe(gives[1]));
