/** `boruna keygen`, `run --sign` and `verify --key`. */
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../after-file.ts";
import { someOf } from "../cases.ts";
import { boruna } from "./boruna.ts";

const folder = temporaryFolder();
writeFileSync(join(folder, "app.ax"), "fn main() -> Int !{time.now} { time.now() }\n");
const RUN = ["run", "app.ax", "--policy", "allow-all"] as const;
const runHere = (...args: readonly string[]): ReturnType<typeof boruna> => boruna(args, { cwd: folder });

test("a key signs a log that verifies with its other half, and with no other", async () => {
  const made = JSON.parse((await runHere("keygen", "a.pem", "--json")).stdout);
  await runHere("keygen", "b.pem");
  expect(statSync(join(folder, "a.pem")).mode & 0o777).toBe(0o600);
  expect(await runHere(...RUN, "--record", "run.jsonl", "--sign", "a.pem")).toMatchObject({ code: 0 });
  for (const key of ["a.pem.pub", made.public_key]) expect(await runHere("verify", "run.jsonl", "--key", key)).toMatchObject({ code: 0 });
  expect(await runHere("verify", "run.jsonl", "--key", "b.pem.pub")).toMatchObject({
    code: 6,
    stdout: expect.stringContaining("verify: failed at line 4: the log is signed with another key"),
  });
  expect(await runHere("replay", "run.jsonl")).toMatchObject({ code: 0 });
});

test("a key is never replaced", async () => {
  await runHere("keygen", "once.pem");
  const before = readFileSync(join(folder, "once.pem"));
  expect(await runHere("keygen", "once.pem")).toMatchObject({ code: 2, stderr: expect.stringContaining("a key is never replaced") });
  expect(readFileSync(join(folder, "once.pem")).equals(before)).toBe(true);
});

test.each(
  someOf<readonly [readonly string[], string]>([
    [[...RUN, "--sign", "once.pem"], "--sign has no effect without --record"],
    [[...RUN, "--record", "no.jsonl", "--sign", "missing.pem"], "cannot read missing.pem: there is no such file"],
    [[...RUN, "--record", "no.jsonl", "--sign", "app.ax"], "the key is not an Ed25519 private key"],
    [[...RUN, "--record", "no.jsonl", "--format", "eventlog", "--sign", "once.pem"], "an event log has no place for a signature"],
    [["verify", "run.jsonl", "--key", "once.pem"], "give that file"],
  ]),
)("%j: %s", async (args, message) => {
  const ended = await runHere(...args);
  expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining(message) });
  expect(existsSync(join(folder, "no.jsonl"))).toBe(false);
});
