/** `--capabilities`: the example in examples/own-capabilities, and files that do not work. */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../after-file.ts";
import { someOf } from "../cases.ts";
import { boruna, EXAMPLES } from "./boruna.ts";

/** A folder of its own, so that nothing in it can import this package. */
const folder = temporaryFolder();
const elsewhere = temporaryFolder();
const runHere = (...args: readonly string[]) => boruna(args, { cwd: folder });
const WITH_CAPABILITIES = ["--capabilities", "./caps.mjs"];
const LIVE_RUN = ["run", "reminder.ax", ...WITH_CAPABILITIES, "--policy", "policy.json", "--live"];

beforeAll(() => cpSync(join(EXAMPLES, "own-capabilities"), folder, { recursive: true }));

describe("the example", () => {
  test("is checked, tested and run on its mocks", async () => {
    expect(await runHere("check", "reminder.ax", ...WITH_CAPABILITIES)).toMatchObject({ code: 0, stderr: "reminder.ax: ok\n" });
    expect(await runHere("test", "reminder.ax", ...WITH_CAPABILITIES)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("1 passed, 0 failed"),
    });
    const mocked = await runHere("run", "reminder.ax", ...WITH_CAPABILITIES, "--policy", "policy.json", "--arg", "customer=ada");
    expect(mocked).toMatchObject({ code: 0, stdout: '"sent 1"\n', stderr: expect.stringContaining("mocks answered 2 calls") });
    expect(await runHere("policy", "validate", "policy.json", ...WITH_CAPABILITIES)).toMatchObject({ code: 0 });
    expect(await runHere("compile", "reminder.ax", ...WITH_CAPABILITIES)).toMatchObject({ code: 0 });
    expect(await runHere("run", "reminder.axbc", ...LIVE_RUN.slice(2), "--arg", "customer=ada")).toMatchObject({
      code: 0,
      stdout: '"sent 1"\n',
    });
    expect(await runHere("inspect", "reminder.axbc", ...WITH_CAPABILITIES)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("orders.of"),
    });
  });

  test("is recorded; its log is replayed and verified in a folder without the host's code", async () => {
    const live = await runHere(...LIVE_RUN, "--arg", "customer=ada", "--record", "run.jsonl");
    expect(live).toMatchObject({ code: 0, stdout: '"sent 1"\n' });
    expect(live.stderr).toMatch(/^mail to ada \(1, key [0-9a-f]{8}\): You ordered \["lamp","desk"\]$/m);
    cpSync(join(folder, "run.jsonl"), join(elsewhere, "run.jsonl"));
    cpSync(join(folder, "run.jsonl.blobs"), join(elsewhere, "run.jsonl.blobs"), { recursive: true });
    const there = (...args: readonly string[]) => boruna(args, { cwd: elsewhere });
    expect(await there("replay", "run.jsonl")).toMatchObject({ code: 0, stdout: expect.stringContaining("identical"), stderr: "" });
    expect(await there("verify", "run.jsonl", "--replay")).toMatchObject({ code: 0, stderr: "" });
    // A changed program is compiled with the recorded declarations.
    const changed = readFileSync(join(folder, "reminder.ax"), "utf8").replace("You ordered ", "You bought ");
    writeFileSync(join(elsewhere, "changed.ax"), changed);
    const replay = await there("replay", "run.jsonl", "changed.ax");
    expect(replay).toMatchObject({ code: 5, stdout: expect.stringContaining("mail.send") });
    expect(replay.stdout).toContain("text");
  });

  test("a program can catch a failure of a handler; the policy decides as for every capability", async () => {
    expect(await runHere(...LIVE_RUN, "--arg", "customer=bob")).toMatchObject({ code: 0, stdout: '"not sent: no customer bob"\n' });
    const denied = await runHere("run", "reminder.ax", ...WITH_CAPABILITIES, "--allow", "orders.of=1", "--live", "--arg", "customer=ada");
    expect(denied).toMatchObject({ code: 3, stderr: expect.stringContaining("mail.send") });
  });

  test("the older form of log is refused, because nobody could replay it", async () => {
    const ended = await runHere(...LIVE_RUN, "--arg", "customer=ada", "--record", "old.json", "--format", "eventlog");
    expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining("leave out --format") });
  });

  test("without the option the names are unknown, and the policy's too", async () => {
    expect(await runHere("check", "reminder.ax")).toMatchObject({ code: 2, stderr: expect.stringContaining("orders.of") });
    expect(await runHere("policy", "validate", "policy.json")).toMatchObject({ code: 2, stderr: expect.stringContaining('"orders.of"') });
  });
});

test("a mistake of a handler is a host fault with its cause; the log has only the error's name", async () => {
  const text = `export const capabilities = [{ name: "own.fails", version: "1", params: [], result: "Int", mayRepeat: true,
  handler: () => { throw new TypeError("no s3cret"); } }, { name: "own.mocks", version: "1", params: [], result: "Int", mayRepeat: true }];`;
  writeFileSync(join(folder, "faulty.mjs"), text);
  writeFileSync(join(folder, "faulty.ax"), "fn main() -> Int !{own.fails} { match try own.fails() { Ok(n) => n, Err(_) => 0 } }");
  const args = ["run", "faulty.ax", "--capabilities", "faulty.mjs", "--policy", "allow-all"];
  const ended = await runHere(...args, "--live", "--record", "faulty.jsonl");
  expect(ended).toMatchObject({ code: 1, stdout: "" });
  expect(ended.stderr).toContain("runtime error: the handler of own.fails failed (TypeError)");
  expect(ended.stderr).toContain("cause: TypeError: no s3cret");
  expect(readFileSync(join(folder, "faulty.jsonl"), "utf8")).not.toContain("s3cret");
  expect(await runHere("replay", "faulty.jsonl")).toMatchObject({ code: 0 });
  const withoutMock = await runHere(...args);
  expect(withoutMock).toMatchObject({ code: 1, stderr: expect.stringContaining("nothing serves the capability own.fails here") });
  expect(withoutMock.stderr).toContain("a run without `--live` asks the mock");
});

test.each(
  someOf([
    ["a missing file", undefined, "there is no such file", "gone.mjs"],
    ["a syntax error", "export const capabilities = [", "could not be loaded: SyntaxError", "node --check ./wrong.mjs"],
    ["an error at import", '\n\nthrow new RangeError("no database");', "could not be loaded: RangeError: no database", "wrong.mjs:3"],
    ["a thrown text", 'throw "x";', "could not be loaded: it threw a string", "wrong.mjs"],
    ["a missing import", 'import "./nowhere.mjs";', "could not be loaded: Error: Cannot find module", "wrong.mjs"],
    ["no such export", "export const a = 1;", "exports no list with the name capabilities", "wrong.mjs"],
    ["no list", "export const capabilities = { name: 1 };", "exports no list with the name capabilities", "wrong.mjs"],
    [
      "a wrong declaration",
      'export const capabilities = [{ name: "own.a", version: "1", params: [], result: "Text", mayRepeat: true }];',
      "the capability own.a: result",
      "wrong.mjs",
    ],
  ]),
)("%s is one clear error", async (_name, text, message, place) => {
  const file = text === undefined ? "gone.mjs" : "wrong.mjs";
  if (text !== undefined) writeFileSync(join(folder, file), text);
  const ended = await runHere("check", "reminder.ax", "--capabilities", `./${file}`);
  expect(ended).toMatchObject({ code: 2, stdout: "" });
  expect(ended.stderr).toMatch(/^error: /);
  expect(ended.stderr).toContain(message);
  expect(ended.stderr).toContain(place);
  expect(ended.stderr).not.toMatch(/\n\s+at /);
  const json = await runHere("check", "reminder.ax", "--capabilities", `./${file}`, "--json");
  expect(JSON.parse(json.stdout)).toMatchObject({ ok: false, error: { message: expect.stringContaining(message) } });
});
