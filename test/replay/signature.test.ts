/** Logs that are signed when the run ends: they verify, and every change of them is found. */
import fc from "fast-check";
import { appendFileSync, copyFileSync, cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { generateKey, isSignedBy, publicKeyOf, signingKeyOf } from "../../gateway/signing.ts";
import { parsePolicy } from "../../policy/parse.ts";
import { verifyLog } from "../../replay/verify.ts";
import { approve } from "../../runtime/approve.ts";
import { execute } from "../../runtime/execute.ts";
import { resume } from "../../runtime/resume.ts";
import { scaledRuns } from "../cases.ts";
import { editLine } from "./mend.ts";
import { READS_TWICE } from "./programs.ts";

const key = generateKey();
const folder = mkdtempSync(join(tmpdir(), "boruna-signature-"));
const path = join(folder, "run.jsonl");
const handlers = { "fs.read": (): string => "x".repeat(70_000) };

beforeAll(async () => {
  await execute(READS_TWICE, { policy: "allow-all", tracing: false, handlers, record: { path, sign: key.privatePem } });
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Writes the bytes as a log beside the blobs of the signed log, and verifies it with the key. */
async function verifies(bytes: Uint8Array, name = "changed.jsonl"): Promise<boolean> {
  const changed = join(folder, name);
  writeFileSync(changed, bytes);
  if (!existsSync(`${changed}.blobs`)) cpSync(`${path}.blobs`, `${changed}.blobs`, { recursive: true });
  return (await verifyLog(changed, { key: key.publicPem })).ok;
}

test("a signed log verifies with its key, given as PEM or in base64", async () => {
  for (const given of [key.publicPem, key.publicKey]) {
    const verification = await verifyLog(path, { key: given });
    expect(verification).toMatchObject({ ok: true });
    expect(verification.proves.join(" ")).toContain("the key that you gave signed this log");
  }
  const withoutKey = await verifyLog(path);
  expect(withoutKey.checks.find(({ name }) => name === "signature")?.detail).toContain(key.publicKey);
  expect(withoutKey.doesNotProve.join(" ")).toContain("Who wrote the log");
});

test("equal runs with the same key and run id have equal bytes, and a signature changes no hash", async () => {
  const bytes = readFileSync(path);
  const record = (name: string, sign?: string): Promise<{ readonly log?: { readonly head?: string } }> =>
    execute(READS_TWICE, {
      policy: "allow-all",
      tracing: false,
      handlers,
      record: { path: join(folder, name), ...(sign === undefined ? {} : { sign }) },
    });
  const again = await record("again.jsonl", key.privatePem);
  expect(readFileSync(join(folder, "again.jsonl")).equals(bytes)).toBe(true);
  expect((await record("unsigned.jsonl")).log?.head).toBe(again.log?.head);
});

test.each<[string, (bytes: Buffer) => Uint8Array, string]>([
  ["no signature", (b) => Buffer.from(b.toString().replace(/,"signature":\{.*\}\}/, "}")), "the log is not signed"],
  [
    "a signature by another key",
    (b) => {
      const other = generateKey();
      const text = b.toString().replace(/"signature":\{"key":"[^"]*"/, `"signature":{"key":"${other.publicKey}"`);
      return Buffer.from(text);
    },
    "the signature is not one of this log's last hash by the key that it names",
  ],
  [
    "another call, with a new chain",
    (b) => editLine(b, 2, "index.txt", "index.tat"),
    "the signature is not one of this log's last hash by the key that it names",
  ],
  [
    "another end, with a new chain",
    (b) => editLine(b, 6, /"steps":\d+/, '"steps":1'),
    "the signature is not one of this log's last hash by the key that it names",
  ],
])("%s", async (_name, from, reason) => {
  const changed = join(folder, "one.jsonl");
  writeFileSync(changed, from(readFileSync(path)));
  cpSync(`${path}.blobs`, `${changed}.blobs`, { recursive: true });
  const verification = await verifyLog(changed, { key: key.publicKey });
  expect(verification.failure?.reason ?? "ok").toBe(reason);
});

test("a log that somebody else has signed", async () => {
  const verification = await verifyLog(path, { key: generateKey().publicKey });
  expect(verification).toMatchObject({
    ok: false,
    failure: { check: "signature", reason: `the log is signed with another key: ${key.publicKey}` },
  });
});

test("no change of a signed log verifies", async () => {
  const bytes = readFileSync(path);
  const lines = bytes.toString().split("\n").slice(0, -1);
  const changes = fc.oneof(
    fc.tuple(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 })).map(([at, mask]) => {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ mask;
      return changed;
    }),
    fc.nat(bytes.length - 1).map((length) => bytes.subarray(0, length)),
    fc
      .tuple(fc.nat(bytes.length), fc.constantFrom(" ", "\n", "\t", "0", '"', "}", "\u0000", "\u00a0"))
      .map(([at, text]) => Buffer.concat([bytes.subarray(0, at), Buffer.from(text), bytes.subarray(at)])),
    fc.tuple(fc.nat(lines.length - 1), fc.nat(lines.length - 1), fc.constantFrom("swap", "copy", "drop")).map(([a, b, how]) => {
      const changed = [...lines];
      if (how === "swap") [changed[a], changed[b]] = [changed[b] ?? "", changed[a] ?? ""];
      else if (how === "copy") changed.splice(b, 0, changed[a] ?? "");
      else changed.splice(a, 1);
      return Buffer.from(`${changed.join("\n")}\n`);
    }),
    fc.constantFrom("\n", "{}\n", `${lines.at(-1)}\n`, `${lines.at(-2)}\n`).map((text) => Buffer.concat([bytes, Buffer.from(text)])),
  );
  await fc.assert(
    fc.asyncProperty(changes, async (changed) => {
      if (bytes.equals(changed)) return;
      // The last line feed may be missing: the record is complete without it.
      if (bytes.subarray(0, -1).equals(changed)) return;
      expect(await verifies(changed)).toBe(false);
    }),
    { numRuns: scaledRuns(5_000) },
  );
});

test("a changed, missing or added blob", async () => {
  const changed = join(folder, "blobs.jsonl");
  for (const name of readdirSync(`${path}.blobs`)) {
    copyFileSync(path, changed);
    rmSync(`${changed}.blobs`, { recursive: true, force: true });
    cpSync(`${path}.blobs`, `${changed}.blobs`, { recursive: true });
    appendFileSync(join(`${changed}.blobs`, name), " ");
    expect((await verifyLog(changed, { key: key.publicKey })).ok).toBe(false);
    rmSync(join(`${changed}.blobs`, name));
    expect((await verifyLog(changed, { key: key.publicKey })).ok).toBe(false);
  }
  rmSync(`${changed}.blobs`, { recursive: true });
  cpSync(`${path}.blobs`, `${changed}.blobs`, { recursive: true });
  writeFileSync(join(`${changed}.blobs`, "0".repeat(64)), "1");
  expect((await verifyLog(changed, { key: key.publicKey })).ok).toBe(false);
});

test("a suspended run is signed by the resume that ends it", async () => {
  const waiting = join(folder, "waiting.jsonl");
  const policy = parsePolicy(JSON.stringify({ schema_version: 1, rules: { "time.now": { allow: true, approval: "required" } } }), {
    file: "policy.json",
    jsonc: false,
  });
  const text = "fn main() -> Int !{time.now} { time.now() }";
  const program = compile({ name: "main.ax", text });
  const options = { policy, tracing: false as const, handlers: { "time.now": (): number => 3 } };
  const suspended = await execute(program, { ...options, record: { path: waiting, sign: key.privatePem } });
  expect(suspended.outcome).toBe("suspended");
  expect(await verifyLog(waiting, { key: key.publicKey })).toMatchObject({
    ok: false,
    failure: { reason: "the run is suspended, so its log is not signed yet" },
  });
  await approve(waiting, { call: 1, decision: "approved", by: "ada" });
  const resumed = await resume(waiting, { tracing: false, handlers: options.handlers, sign: key.privatePem });
  expect(resumed.outcome).toBe("success");
  expect(await verifyLog(waiting, { key: key.publicKey, replay: true })).toMatchObject({ ok: true });
});

test.each([
  ["a public key", key.publicPem],
  ["no key", "abc"],
])("signing with %s is refused before the run", async (_name, sign) => {
  const started: string[] = [];
  const run = execute(READS_TWICE, {
    policy: "allow-all",
    tracing: false,
    handlers: { "fs.read": () => (started.push("called"), "") },
    record: { path: join(folder, "never.jsonl"), sign },
  });
  await expect(run).rejects.toMatchObject({ kind: "usage" });
  expect(started).toEqual([]);
  expect(existsSync(join(folder, "never.jsonl"))).toBe(false);
});

test("an event log cannot be signed", async () => {
  const run = execute(READS_TWICE, {
    policy: "allow-all",
    record: { path: join(folder, "never.jsonl"), sign: key.privatePem, format: "eventlog" },
  });
  await expect(run).rejects.toMatchObject({ kind: "usage", message: "an event log has no place for a signature" });
});

test("keys and signatures have one form", () => {
  const signature = signingKeyOf(key.privatePem)?.sign(Buffer.from("text")) ?? "";
  expect(isSignedBy(key.publicKey, Buffer.from("text"), signature)).toBe(true);
  expect(publicKeyOf(key.privatePem)).toBeUndefined();
  for (const changed of [
    ` ${signature}`,
    signature.replace(/==$/, ""),
    `${signature.slice(0, -3)}${signature.at(-3) === "A" ? "B" : "A"}==`,
  ])
    expect(isSignedBy(key.publicKey, Buffer.from("text"), changed)).toBe(false);
});

const VECTORS = new URL("../../../shared/testdata/ed25519/ed25519_test.json", import.meta.url);
interface Vectors {
  readonly testGroups: readonly {
    readonly publicKeyDer: string;
    readonly tests: readonly { readonly tcId: number; readonly msg: string; readonly sig: string; readonly result: string }[];
  }[];
}

describe.skipIf(!existsSync(VECTORS))("the Ed25519 vectors of Project Wycheproof (skipped without ../shared/testdata)", () => {
  test("are accepted and refused as they say", () => {
    const { testGroups }: Vectors = JSON.parse(readFileSync(VECTORS, "utf8"));
    const wrong = testGroups.flatMap(({ publicKeyDer, tests }) =>
      tests.filter(({ msg, sig, result }) => {
        const publicKey = Buffer.from(publicKeyDer, "hex").toString("base64");
        const accepted = isSignedBy(publicKey, Buffer.from(msg, "hex"), Buffer.from(sig, "hex").toString("base64"));
        return accepted !== (result === "valid");
      }),
    );
    expect(wrong.map(({ tcId }) => tcId)).toEqual([]);
    expect(testGroups.flatMap(({ tests }) => tests).length).toBeGreaterThan(100);
  });
});
