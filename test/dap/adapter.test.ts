/** The debug adapter, driven by the client of the protocol's makers. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { BorunaError } from "../../vm/error.ts";
import { Client, logOfRun } from "./client.ts";

const OVERLAP = `fn fetch(n: Int) -> Int !{net.fetch} {
    let text = net.fetch("u" ++ int.to_string(n))
    string.len(text) + n
}

fn main() -> Int !{net.fetch} {
    let sizes = par.map([1, 2, 3], fetch)
    let mut total = 0
    for size in sizes {
        total = total + size
    }
    let last = net.fetch("last")
    total + string.len(last)
}
`;

const ACTORS = `type Job { back: ActorId<Result<Int, String>>, url: String }

fn worker() -> Unit receives Job !{actor.send, net.fetch} {
    let Job { back, url } = receive
    let text = net.fetch(url)
    send back Ok(string.len(text))
}

fn main() -> Int receives Result<Int, String> !{actor.spawn, actor.send, net.fetch} {
    let urls = ["a", "bb", "ccc"]
    for url in urls {
        let w = spawn worker
        send w Job { back: self(), url }
    }
    let mut total = 0
    for _ in urls {
        total = total + result.unwrap_or(receive, 0)
    }
    total
}
`;

async function places(client: Client, command: string, most = 200): Promise<readonly string[]> {
  const texts = [await client.shown()];
  for (let i = 0; i < most; i++) {
    const { reason, text } = await client.move(command);
    if (reason === "entry") return texts;
    texts.push(text);
    if (text.includes("end of the run")) return texts;
  }
  return texts;
}

test.each([
  ["branches of a par", OVERLAP, "branch 2 of task 0"],
  ["actors", ACTORS, "actor 3 worker (waiting)"],
])("every place shows the same forward and back, in a run whose calls overlap in %s", async (_, source, thread) => {
  const client = new Client();
  await client.open(await logOfRun(source));
  const forward = await places(client, "stepIn");
  expect(forward.length).toBeGreaterThan(15);
  expect(forward.some((text) => text.includes(thread))).toBe(true);
  const back: string[] = [await client.shown()];
  for (let place = await client.move("boruna/move", { move: "back" }); place.reason !== "entry"; ) {
    back.push(place.text);
    place = await client.move("boruna/move", { move: "back" });
  }
  expect(back.toReversed()).toEqual(forward);
  // `next` and `stepBack` visit the same lines.
  const over = await places(client, "next");
  expect((await places(client, "stepBack")).toReversed()).toEqual(over);
});

test("breakpoints on a line, a capability and a condition stop in both directions", async () => {
  const log = await logOfRun(OVERLAP);
  const client = new Client();
  await client.open(log, async () => {
    const { body } = await client.setBreakpointsRequest({
      source: { path: "/anywhere/main.ax" },
      breakpoints: [{ line: 10, condition: "size > 13" }, { line: 99 }, { line: 1, condition: "1 +" }],
    });
    expect(body.breakpoints.map(({ verified }) => verified)).toEqual([true, false, false]);
    const calls = await client.setFunctionBreakpointsRequest({ breakpoints: [{ name: "net.fetch" }, { name: "no.such" }] });
    expect(calls.body.breakpoints.map(({ verified }) => verified)).toEqual([true, false]);
  });
  const reasons: string[] = [];
  const seen: string[] = [];
  for (let place = await client.move("continue"); !place.text.includes("end of the run"); place = await client.move("continue")) {
    reasons.push(place.reason);
    seen.push(place.text);
  }
  // Three calls of the branches, two of three sizes, and the last call.
  expect(reasons).toEqual(Array.from({ length: 6 }, () => "breakpoint"));
  const back: string[] = [];
  for (let place = await client.move("reverseContinue"); place.reason === "breakpoint"; place = await client.move("reverseContinue"))
    back.push(place.text);
  expect(back.toReversed()).toEqual(seen);
});

test("setting the next answer makes a what-if, and the log stays as it was", async () => {
  const log = await logOfRun(OVERLAP);
  const bytes = readFileSync(log);
  const client = new Client();
  await client.open(log);
  for (let i = 0; i < 4; i++) await client.move("boruna/move", { move: "call" });
  const [frame] = (await client.stackTraceRequest({ threadId: 1 })).body.stackFrames;
  const { scopes } = (await client.scopesRequest({ frameId: frame?.id ?? 0 })).body;
  const reference = scopes.find(({ name }) => name === "Next answer")?.variablesReference ?? 0;
  expect(await client.variablesText(reference)).toBe('call = 4 net.fetch, url = "last", answer = "answer to last"');
  const wrong = client.setVariableRequest({ variablesReference: reference, name: "answer", value: "12" });
  await expect(wrong).rejects.toThrow("must have the type String");
  const { body } = await client.setVariableRequest({ variablesReference: reference, name: "answer", value: '"abc"' });
  expect(body.value).toBe('"abc"');
  const evaluated = await client.evaluateRequest({ expression: "total * 2", frameId: frame?.id ?? 0 });
  expect(evaluated.body.result).toBe("84");
  expect((await client.move("continue")).text).toContain("end of the run: success: 45");
  expect(readFileSync(log).equals(bytes)).toBe(true);
});

test("hostile requests get typed errors, and the next one is answered", async () => {
  const client = new Client();
  const refused = async (command: string, args: unknown, text: string): Promise<void> =>
    expect(client.send(command, args)).rejects.toThrow(text);
  await refused("next", {}, "no log is open");
  await refused("launch", { log: 7 }, "log must be a text");
  await refused("launch", { log: "/no/such.jsonl" }, "no such");
  await refused("launch", {}, "launch must name a log");
  await client.open(await logOfRun(OVERLAP));
  await refused("launch", { log: "x" }, "a log is open already");
  await refused("__proto__", {}, "unknown request");
  await refused("toString", null, "unknown request");
  await refused("stackTrace", { threadId: -1 }, "threadId must be a whole number");
  await refused("stackTrace", "text", "threadId must be a whole number");
  await refused("scopes", { frameId: 1e9 }, "no frame");
  await refused("variables", { variablesReference: 1e9 }, "no variables");
  await refused("setVariable", { variablesReference: 1, name: "answer", value: "{}" }, "cannot be set");
  await refused("setBreakpoints", { source: {}, breakpoints: {} }, "breakpoints must be a list");
  await refused("evaluate", { expression: "a(".repeat(3_000) }, "more than");
  await refused("evaluate", { expression: "net.fetch(1)" }, "not evaluated");
  await refused("evaluate", { expression: "} fn x() { 1" }, "not evaluated");
  await refused("source", { sourceReference: 99 }, "no source 99");
  await refused("boruna/move", { move: "constructor" }, "unknown move");
  expect((await client.stackTraceRequest({ threadId: 999 })).body.stackFrames).toEqual([]);
  expect((await client.move("next")).reason).toBe("step");
});

test.each([
  ["a header without a length", "Content-Type: x\r\n\r\n{}"],
  ["a header that does not end", "x".repeat(5_000)],
  ["a length beyond the bound", "Content-Length: 999999999\r\n\r\n"],
  ["no JSON", "Content-Length: 2\r\n\r\n{]"],
  ["no object", "Content-Length: 4\r\n\r\nnull"],
])("input that is not the protocol ends the adapter with a typed error: %s", async (_, text) => {
  const client = new Client();
  client.input.write(text);
  await expect(client.served).rejects.toBeInstanceOf(BorunaError);
});

test("a disconnect ends the adapter", async () => {
  const client = new Client();
  await client.initializeRequest();
  await client.disconnectRequest({});
  await client.served;
});
