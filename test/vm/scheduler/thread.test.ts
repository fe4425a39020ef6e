import { expect, test } from "vitest";
import { compile } from "../../../compiler/compile.ts";
import type { Host } from "../../../vm/host.ts";
import { DEFAULT_LIMITS } from "../../../vm/limits.ts";
import { verifyModule } from "../../../vm/bytecode/verifier.ts";
import { resumeMachine, runMachine, startMachine } from "../../../vm/scheduler/scheduler.ts";

const program = (text: string) => verifyModule(compile({ name: "thread.ax", text }).module);
const options = { limits: DEFAULT_LIMITS, args: [] };

/** A host that records when the machine has the thread. */
function recordingHost(call: Host["call"]): { readonly host: Host; readonly record: string[] } {
  const record: string[] = [];
  const host: Host = {
    call: (request) => {
      record.push("call");
      return call(request);
    },
    event: () => undefined,
    debug: () => undefined,
    interrupted: () => undefined,
    enter: () => void record.push("enter"),
    leave: () => void record.push("leave"),
  };
  return { host, record };
}

const TWO_CALLS = "fn main() -> Int !{time.now} { time.now() + time.now() }";
const ANSWER = { ok: true, value: 1 } as const;

test("the machine enters and leaves once if it never waits", () => {
  const { host, record } = recordingHost(() => ANSWER);
  expect(runMachine(program(TWO_CALLS), host, options)).toMatchObject({ status: "completed", value: 2 });
  expect(record).toEqual(["enter", "call", "call", "leave"]);
});

test("the machine leaves while it waits for an answer or for the host's pause", async () => {
  const { host, record } = recordingHost(() => Promise.resolve(ANSWER));
  const pause = async (): Promise<undefined> => void record.push("pause");
  expect(await runMachine(program(TWO_CALLS), { ...host, pause }, options)).toMatchObject({ status: "completed", value: 2 });
  const call = ["enter", "call", "leave", "pause"];
  expect(record).toEqual(["enter", "pause", "leave", ...call, ...call, "enter", "leave"]);
});

test("the machine leaves when it traps and when the host throws", () => {
  const trapping = recordingHost(() => ANSWER);
  expect(runMachine(program("fn main() -> Int { 1 / 0 }"), trapping.host, options)).toMatchObject({ status: "trapped" });
  expect(trapping.record).toEqual(["enter", "leave"]);
  const throwing = recordingHost(() => {
    throw new Error("the log is full");
  });
  expect(() => runMachine(program(TWO_CALLS), throwing.host, options)).toThrow("the log is full");
  expect(throwing.record).toEqual(["enter", "call", "leave"]);
});

test("the machine leaves when it is suspended, and enters when it is resumed", async () => {
  const { host, record } = recordingHost(() => ANSWER);
  const suspended = await startMachine(program(TWO_CALLS), { ...host, call: () => "suspend" }, options);
  if (suspended.status !== "suspended") throw new Error("not suspended");
  expect(record).toEqual(["enter", "leave"]);
  expect(await resumeMachine(program(TWO_CALLS), host, suspended.state, ANSWER)).toMatchObject({ status: "completed", value: 2 });
  expect(record).toEqual(["enter", "leave", "enter", "call", "leave"]);
});
