import { describe, expect, test } from "vitest";
import type { RunEvent } from "../../../vm/events.ts";
import { MACHINE_LIMITS } from "../../../vm/limits.ts";
import { textForm } from "../../../vm/value/display.ts";
import { ActorIdValue, type Value } from "../../../vm/value/value.ts";
import { kindOf, moduleOf, run, start, type TestFunction, testHost, valueOf } from "../helpers.ts";

const ticks = (events: readonly RunEvent[]): string =>
  events.flatMap((e) => (e.type === "SchedulerTick" ? [`${e.round}:${e.active_actor}`] : [])).join(" ");
const sends = (events: readonly RunEvent[]): string =>
  events.flatMap((e) => (e.type === "MessageSend" ? [`${e.from}>${e.to} ${textForm(e.payload)}`] : [])).join(", ");

/** Code that counts down in local 0 from the constant `from` to 0, about six steps per number. */
const spin = (from: number, one: number, at: number): TestFunction["code"] => [
  ["PushConst", from],
  ["StoreLocal", 0],
  ["LoadLocal", 0],
  ["JmpIfNot", at + 9],
  ["LoadLocal", 0],
  ["PushConst", one],
  "Sub",
  ["StoreLocal", 0],
  ["Jmp", at + 2],
];

const UI_RENDER = 4;

describe("the scheduler", () => {
  test("delivers in the order of targets, then senders, then sending", () => {
    // Main spawns 1 and 2; both send to 0; main sends to 2 twice, then to 1; then it receives twice.
    const send = (target: TestFunction["code"][number], constant: number): TestFunction["code"] => [
      target,
      ["PushConst", constant],
      "SendMsg",
    ];
    const main: TestFunction = {
      locals: 2,
      code: [
        ["SpawnActor", 1],
        ["StoreLocal", 0],
        ["SpawnActor", 1],
        ["StoreLocal", 1],
        ...send(["LoadLocal", 1], 0),
        ...send(["LoadLocal", 1], 1),
        ...send(["LoadLocal", 0], 2),
        "ReceiveMsg",
        "ReceiveMsg",
        ["MakeList", 2],
        "Ret",
      ],
    };
    const worker: TestFunction = { code: [...send(["PushConst", 3], 0), "ReceiveMsg", "Ret"] };
    const host = testHost();
    const end = run(moduleOf([main, worker], [10, 20, 30, new ActorIdValue(0)]), {}, host);
    expect(textForm(valueOf(end))).toBe("[10, 10]");
    expect(end.actors).toBe(3);
    expect(sends(host.events)).toBe("0>1 30, 0>2 10, 0>2 20, 1>0 10, 2>0 10");
    expect(ticks(host.events)).toBe("0:0 1:1 1:2 2:0");
    expect(host.events.slice(0, 3)).toEqual([
      { type: "SchedulerTick", round: 0, active_actor: 0 },
      { type: "ActorSpawn", actor_id: 1, function: "f1" },
      { type: "ActorSpawn", actor_id: 2, function: "f1" },
    ]);
  });

  test("a slice ends after 999 instructions; the end of an actor takes one more step", () => {
    const withSteps = (nops: number): string => {
      const host = testHost();
      expect(run(moduleOf([{ code: [...Array.from({ length: nops }, () => "Nop" as const), "Ret"] }]), { actors: true }, host).steps).toBe(
        nops + 1,
      );
      return ticks(host.events);
    };
    expect(withSteps(997)).toBe("0:0");
    expect(withSteps(998)).toBe("0:0 1:0");
    expect(withSteps(999)).toBe("0:0 1:0");
    expect(withSteps(1996)).toBe("0:0 1:0");
    expect(withSteps(1997)).toBe("0:0 1:0 2:0");
  });

  test("if all actors are blocked, the run ends in a deadlock at the receive", () => {
    const end = run(moduleOf([{ name: "main", code: ["Nop", "ReceiveMsg", "Ret"] }]));
    expect(end).toMatchObject({ trap: { kind: "deadlock", actorId: 0, stack: [{ function: "main", pc: 1 }] } });
  });

  test("the run ends with the root, even if a child still waits", () => {
    const end = run(moduleOf([{ code: [["SpawnActor", 1], "Pop", ["PushConst", 0], "Ret"] }, { code: ["ReceiveMsg", "Ret"] }], [5]));
    expect(valueOf(end)).toBe(5);
  });

  const PING: TestFunction["code"] = [["PushConst", 0], ["PushConst", 0], "SendMsg", "ReceiveMsg", "Pop"];

  test("rounds have no limit of their own; the step limit bounds them", () => {
    const end = run(moduleOf([{ code: [...PING, ["Jmp", 0]] }], [new ActorIdValue(0)]), { limits: { max_steps: 100_000 } });
    expect(end).toMatchObject({ steps: 100_000, trap: { kind: "step_limit" } });
    const spinning = run(moduleOf([{ locals: 1, code: [...spin(0, 1, 0), "Ret"] }], [2_000_000, 1]), {
      actors: true,
      limits: { max_steps: 20_000_000 },
    });
    expect(kindOf(spinning)).toBe("completed");
  });

  test("each frame of an actor costs 8 units at the end of a slice", () => {
    // Calls itself as often as its argument says, then sends itself a message in every round of seven steps.
    const deep: TestFunction = {
      arity: 1,
      code: [["LoadLocal", 0], ["JmpIf", 8], ...PING, ["Jmp", 2], ["LoadLocal", 0], ["PushConst", 1], "Sub", ["Call", 1, 1], "Ret"],
    };
    const rounds = (frames: number): number => {
      const host = testHost();
      const main: TestFunction = { code: [["PushConst", 2], ["Call", 1, 1], "Ret"] };
      run(moduleOf([main, deep], [new ActorIdValue(0), 1, frames - 2]), { limits: { max_steps: 50_000 } }, host);
      return host.events.filter((event) => event.type === "MessageSend").length;
    };
    expect(rounds(2)).toBe(Math.floor(50_000 / 7));
    // With 3,200 frames, the actor pays 100 steps in each round, in addition to the 7 of its code.
    expect(rounds(3_200)).toBeLessThan(50_000 / 107);
  });

  test("each actor has its own globals and stack", () => {
    const main: TestFunction = {
      code: [["PushConst", 0], ["StoreGlobal", 0], ["SpawnActor", 1], "Pop", "ReceiveMsg", ["LoadGlobal", 0], ["MakeList", 2], "Ret"],
    };
    const child: TestFunction = { code: [["PushConst", 1], ["LoadGlobal", 0], "SendMsg", ["PushConst", 0], ["StoreGlobal", 0], "Ret"] };
    expect(textForm(valueOf(run(moduleOf([main, child], [7, new ActorIdValue(0)], { globals: ["g"] }))))).toBe("[(), 7]");
  });

  test("a function has slots for its operands after a call that took many slices", () => {
    const operands = 1_500;
    const child: TestFunction = {
      capabilities: [UI_RENDER],
      code: [
        ["Call", 2, 0],
        "Pop",
        ...Array.from({ length: operands }, () => ["PushConst", 2] as const),
        ...Array.from({ length: operands - 1 }, () => "Add" as const),
        "EmitUi",
        "Ret",
      ],
    };
    const long: TestFunction = {
      locals: 1,
      code: [["PushConst", 1], ["StoreLocal", 0], ["LoadLocal", 0], ["PushConst", 0], "Sub", "Dup", ["StoreLocal", 0], ["JmpIf", 2], "Ret"],
    };
    const host = testHost();
    run(moduleOf([{ code: [["SpawnActor", 1], "Pop", "Ret"] }, child, long], [1, 3_000, 7]), {}, host);
    expect(host.events.filter((event) => event.type === "UiEmit")).toEqual([{ type: "UiEmit", tree: 7 * operands }]);
  });

  test("a message to an actor that does not exist traps", () => {
    const end = run(moduleOf([{ code: [["PushConst", 0], ["PushConst", 1], "SendMsg", "Ret"] }], [new ActorIdValue(1), 5]));
    expect(end).toMatchObject({ trap: { kind: "invalid_actor", message: "actor not found: 1" } });
    expect(kindOf(run(moduleOf([{ code: [["PushConst", 0], ["PushConst", 0], "SendMsg", "Ret"] }], [1])))).toBe("type_error");
  });

  test("the number of actors is limited", () => {
    const end = run(moduleOf([{ code: [["SpawnActor", 0], "Pop", ["Jmp", 0]] }]));
    expect(end).toMatchObject({ trap: { kind: "alloc_limit", message: `more than ${MACHINE_LIMITS.actors} actors` } });
  });
});

describe("failure", () => {
  const failing: TestFunction = { code: [["PushConst", 0], ["PushConst", 0], "Div", "Ret"] };

  test("a child's trap is a message to its parent", () => {
    const host = testHost();
    const end = run(moduleOf([{ code: [["SpawnActor", 1], "Pop", "ReceiveMsg", "Ret"] }, failing], [0]), {}, host);
    expect(textForm(valueOf(end))).toBe('Err("division by zero")');
    expect(sends(host.events)).toBe('1>0 Err("division by zero")');
  });

  test("descendants fail too, and the spawns and messages of the failed actor's slice are dropped", () => {
    // The child spawns a grandchild that waits. Then it spins beyond its slice, sends, spawns and traps.
    const child: TestFunction = {
      locals: 1,
      code: [
        ["SpawnActor", 2],
        "Pop",
        ...spin(1, 2, 2),
        ["PushConst", 3],
        ["PushConst", 2],
        "SendMsg",
        ["SpawnActor", 2],
        "Pop",
        ["PushConst", 0],
        ["PushConst", 0],
        "Div",
      ],
    };
    const host = testHost();
    const end = run(
      moduleOf(
        [{ code: [["SpawnActor", 1], "Pop", "ReceiveMsg", "Ret"] }, child, { code: ["ReceiveMsg", "Ret"] }],
        [0, 300, 1, new ActorIdValue(0)],
      ),
      {},
      host,
    );
    expect(textForm(valueOf(end))).toBe('Err("division by zero")');
    expect(host.events.filter((e) => e.type === "ActorSpawn")).toHaveLength(2);
    expect(sends(host.events)).toBe('1>0 Err("division by zero")');
    expect(end.actors).toBe(3);
  });

  test("a failed root ends the run", () => {
    expect(run(moduleOf([failing], [0]), { actors: true })).toMatchObject({ trap: { kind: "division_by_zero", actorId: 0 } });
  });

  test("limits and refusals end the run in any actor", () => {
    const parent: TestFunction = { code: [["SpawnActor", 1], "Pop", "ReceiveMsg", "Ret"] };
    expect(run(moduleOf([parent, { name: "loop", code: [["Jmp", 0]] }]), { limits: { max_steps: 5_000 } })).toMatchObject({
      steps: 5_000,
      trap: { kind: "step_limit", actorId: 1, stack: [{ function: "loop" }] },
    });
    const calling: TestFunction = { code: [["PushConst", 0], ["CapCall", 0, 1], "Ret"] };
    expect(run(moduleOf([parent, calling], ["u"]))).toMatchObject({ trap: { kind: "capability_denied", actorId: 1 } });
    const stopping = testHost({ event: (e) => (e.type === "ActorSpawn" ? { trap: "divergence", message: "event 1" } : undefined) });
    expect(run(moduleOf([parent, calling], ["u"]), {}, stopping)).toMatchObject({ trap: { kind: "divergence" } });
  });

  test("a failing capability fails only its actor", () => {
    const host = testHost({
      call: ({ capability }) =>
        capability.name === "net.fetch" ? { ok: false, trap: "capability_failed", message: "HTTP 500" } : { ok: true, value: 0 },
    });
    const parent: TestFunction = { code: [["SpawnActor", 1], "Pop", "ReceiveMsg", "Ret"] };
    const end = run(moduleOf([parent, { code: [["PushConst", 0], ["CapCall", 0, 1], "Ret"], capabilities: [0] }], ["u"]), {}, host);
    expect(textForm(valueOf(end))).toBe('Err("HTTP 500")');
  });
});

describe("policy", () => {
  test("the policy decides on spawn and send", () => {
    const module = moduleOf([{ code: [["SpawnActor", 1], ["PushConst", 0], "SendMsg", "Ret"] }, { code: ["Ret"] }], [5]);
    const host = testHost();
    run(module, {}, host);
    expect(host.calls.map((c) => [c.capability.name, c.args.map((arg) => textForm(arg)).join(), c.declared])).toEqual([
      ["actor.spawn", "Fn#1", true],
      ["actor.send", "Actor#1,5", true],
    ]);
    for (const refused of ["actor.spawn", "actor.send"]) {
      const refusing = testHost({
        call: ({ capability }) =>
          capability.name === refused ? { ok: false, trap: "capability_denied", message: "no" } : { ok: true, value: 0 },
      });
      expect(run(module, {}, refusing)).toMatchObject({ trap: { kind: "capability_denied", capability: refused } });
    }
  });
});

describe("without the scheduler", () => {
  test("receive returns Unit, spawned actors never run, messages are dropped, nothing is logged", () => {
    const host = testHost();
    const code: TestFunction["code"] = [["SpawnActor", 1], "Dup", ["PushConst", 0], "SendMsg", "ReceiveMsg", ["MakeList", 2], "Ret"];
    const end = run(moduleOf([{ code }, { code: ["Ret"] }], [5]), { actors: false }, host);
    expect(textForm(valueOf(end))).toBe("[Actor#0, ()]");
    expect(end.actors).toBe(1);
    expect(host.events).toEqual([]);
  });
});

test("asynchronous calls of several actors have the same results and events as synchronous calls", async () => {
  const calling: TestFunction = {
    code: [["PushConst", 1], ["PushConst", 0], ["CapCall", 0, 1], ["PushConst", 0], ["CapCall", 0, 1], "Concat", "SendMsg", "Ret"],
    capabilities: [0],
  };
  const main: TestFunction = {
    code: [
      ["SpawnActor", 1],
      "Pop",
      ["SpawnActor", 1],
      "Pop",
      "ReceiveMsg",
      "ReceiveMsg",
      "Concat",
      ["PushConst", 0],
      ["CapCall", 0, 1],
      "Concat",
      "Ret",
    ],
    capabilities: [0],
  };
  const module = moduleOf([main, calling], ["u", new ActorIdValue(0)]);
  const counting = (): (() => Value) => {
    let count = 0;
    return () => `${++count} `;
  };
  const answerSync = counting();
  const sync = testHost({ call: ({ capability }) => ({ ok: true, value: capability.internal === true ? 0 : answerSync() }) });
  const answerAsync = counting();
  const async = testHost({ call: async ({ capability }) => ({ ok: true, value: capability.internal === true ? 0 : answerAsync() }) });
  const wanted = run(module, {}, sync);
  expect(valueOf(wanted)).toBe("1 2 3 4 5 ");
  expect(await start(module, async)).toEqual(wanted);
  expect(async.events).toEqual(sync.events);
});
