/** Bundles of evidence: which verify, which checks other tools make, and that every change of a bundle is found. */
import { execFileSync, spawnSync } from "node:child_process";
import fc from "fast-check";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { generateKey, signingKeyOf } from "../../../gateway/signing.ts";
import { openEnvelope, preAuthenticationEncoding, signEnvelope } from "../../../replay/evidence/dsse.ts";
import { packEvidence, type PackOptions } from "../../../replay/evidence/pack.ts";
import { verifyEvidence } from "../../../replay/evidence/verify-evidence.ts";
import { evidenceLines } from "../../../replay/report/evidence-report.ts";
import { diffLogs } from "../../../replay/diff.ts";
import { locatedEntries } from "../../../replay/entries.ts";
import { readLog } from "../../../replay/log/log-reader.ts";
import { replayRun } from "../../../replay/replay.ts";
import { verifyLog } from "../../../replay/verify.ts";
import { whatIf } from "../../../replay/what-if.ts";
import { approve } from "../../../runtime/approve.ts";
import { execute } from "../../../runtime/execute.ts";
import { resume } from "../../../runtime/resume.ts";
import { compile } from "../../../compiler/compile.ts";
import { expectDefined } from "../../../vm/interpreter/operations.ts";
import { scaledRuns } from "../../cases.ts";
import { policyOf } from "../../gateway/context.ts";

const key = generateKey();
const folder = mkdtempSync(join(tmpdir(), "boruna-evidence-"));
const pathOf = (name: string): string => join(folder, name);
const SECRET = "4111 1111 1111 1111";

const program = compile({
  name: "pays.ax",
  text: `fn main() -> String !{fs.read, net.fetch, random} {
    let card = fs.read("card.txt")
    let sent = net.fetch("https://pay.example/", "POST", card)
    if random("int", 0, 1) == 1 { "paid: " ++ sent } else { "free" }
}`,
});
const handlers = { "fs.read": () => SECRET, "net.fetch": () => "receipt 17 of shop 4", random: () => 1 };
const record = (name: string, redactable: boolean, sign?: string, secret = SECRET): Promise<unknown> =>
  execute(program, {
    policy: "allow-all",
    tracing: false,
    handlers: { ...handlers, "fs.read": () => secret },
    runId: "run-1",
    record: { path: pathOf(name), redactable, ...(sign === undefined ? {} : { sign }) },
  });
const pack = (log: string, output: string, options: Partial<PackOptions> = {}): ReturnType<typeof packEvidence> =>
  packEvidence([pathOf(log)], { output: pathOf(output), sign: key.privatePem, ...options });

/** How an attacker changes a bundle, as shell commands. */
const TAMPERED: Readonly<Record<string, string>> = {
  "a file and its line in the manifest":
    "cd spring.evidence; echo >> plain.jsonl.policy.json; sha256sum $(cut -c67- SHA256SUMS) > new; mv new SHA256SUMS; cd ..",
  "an added file": "echo > spring.evidence/more.txt",
  "a changed file": "echo >> spring.evidence/plain.jsonl",
};

/** Records a live run whose call a person approved without a key. */
const recordDecided = (name: string): Promise<unknown> =>
  execute(compile({ name: "asks.ax", text: 'fn main() -> String !{net.fetch} { net.fetch("https://pay.example/") }' }), {
    policy: policyOf({ rules: { "net.fetch": { allow: true, approval: "required" } } }),
    live: true,
    tracing: false,
    handlers,
    approve: () => ({ decision: "approved", by: "the CEO" }),
    record: pathOf(name),
  });

beforeAll(async () => {
  await record("plain.jsonl", false, key.privatePem);
  await record("open.jsonl", true, key.privatePem);
  await pack("plain.jsonl", "plain.evidence", { identity: "ci@example.com", startedOn: "2026-11-30T08:00:00Z" });
  await pack("open.jsonl", "redacted.evidence", { redact: ["1.result", "2.body"] });
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("a bundle", () => {
  test("verifies with its key, and replays", async () => {
    const verification = await verifyEvidence(pathOf("plain.evidence"), { key: key.publicPem, replay: true });
    expect(verification).toMatchObject({ ok: true, keyGiven: true, key: key.publicKey, files: 6 });
    expect(verification.claims.get("host")).toEqual(
      new Map([
        ["identity", "ci@example.com"],
        ["startedOn", "2026-11-30T08:00:00Z"],
      ]),
    );
    expect(readFileSync(pathOf("plain.evidence/plain.jsonl")).equals(readFileSync(pathOf("plain.jsonl")))).toBe(true);
    expect(readFileSync(pathOf("plain.jsonl"), "utf8")).not.toMatch(/ci@example|2026-11-30T08/);
    expect(readFileSync(pathOf("plain.evidence/plain.jsonl.source.ax"), "utf8")).toContain("fn main()");
  });

  test("that is signed with another key fails", async () => {
    expect(await verifyEvidence(pathOf("plain.evidence"), { key: generateKey().publicKey })).toMatchObject({
      ok: false,
      failure: { check: "key", reason: `the statement is signed with another key: ${key.publicKey}` },
    });
  });

  test("with redacted values is not replayed, and verifies nevertheless", async () => {
    const verification = await verifyEvidence(pathOf("redacted.evidence"), { key: key.publicPem, replay: true });
    expect(verification).toMatchObject({ ok: true, runs: [{ verification: { replay: undefined } }] });
    expect(evidenceLines(verification)).toEqual([
      "evidence: ok; 1 run in 15 files, as packed, 2 values redacted",
      "signature: signed with the given key",
      "replay: not possible for 1 run, because values are redacted",
      "note: open.jsonl is of the mode mock: no call was real",
    ]);
  });

  test("has a note for a decision that anybody could have written", async () => {
    await recordDecided("claimed.jsonl");
    await pack("claimed.jsonl", "claimed.evidence");
    const lines = evidenceLines(await verifyEvidence(pathOf("claimed.evidence"), { key: key.publicPem }), true);
    expect(lines).toContain(
      "note: claimed.jsonl has 1 decision of a person without a signature: whoever wrote the log can have made it up",
    );
    expect(lines.some((line) => line.startsWith("  claimed.jsonl: live run "))).toBe(true);
    expect(lines).toContain("    the log itself is not signed");
  });

  test("that fails says whether its statement is authentic, and how to find what was changed", async () => {
    cpSync(pathOf("plain.evidence"), pathOf("edited.evidence"), { recursive: true });
    const log = pathOf("edited.evidence/plain.jsonl");
    writeFileSync(log, readFileSync(log, "utf8").replace("receipt 17", "receipt 18"));
    expect(evidenceLines(await verifyEvidence(pathOf("edited.evidence"), { key: key.publicPem }))).toEqual([
      "evidence: failed, files: plain.jsonl does not have the SHA-256 that the manifest names",
      `help: boruna verify ${log} says in which line.`,
      `signature: the statement is signed with the key ${key.publicKey}`,
    ]);
  });

  test("is checked by the tools that the guide names", () => {
    const guide = readFileSync(new URL("../../../docs/guide/evidence.md", import.meta.url), "utf8");
    const script = /```sh\n([^]*?)```/.exec(guide)?.[1] ?? "";
    if (["jq", "openssl", "sha256sum"].some((tool) => spawnSync(tool, ["--version"]).error !== undefined)) return;
    const run = (name: string): { readonly status: number | null; readonly stderr: string } => {
      const cwd = pathOf(`${name}.tools`);
      mkdirSync(cwd);
      cpSync(pathOf("plain.evidence"), join(cwd, "spring.evidence"), { recursive: true });
      writeFileSync(join(cwd, "audit.pem.pub"), key.publicPem);
      return spawnSync("bash", ["-ec", name === "genuine" ? script : `${TAMPERED[name]}\n${script}`], { cwd, encoding: "utf8" });
    };
    expect(run("genuine")).toMatchObject({ status: 0 });
    for (const name of Object.keys(TAMPERED)) expect(run(name).status, name).not.toBe(0);
  });

  test("has the manifest of sha256sum", () => {
    const checked = spawnSync("sha256sum", ["--check", "--strict", "SHA256SUMS"], { cwd: pathOf("redacted.evidence"), encoding: "utf8" });
    if (checked.error === undefined) expect(checked).toMatchObject({ status: 0, stderr: "" });
  });

  test("of several logs", async () => {
    const packed = await packEvidence([pathOf("plain.jsonl"), pathOf("open.jsonl")], {
      output: pathOf("both.evidence"),
      sign: key.privatePem,
    });
    expect(packed.runs.map(({ log }) => log)).toEqual(["plain.jsonl", "open.jsonl"]);
    expect(await verifyEvidence(pathOf("both.evidence"), { key: key.publicKey, replay: true })).toMatchObject({ ok: true });
  });

  test.each<[string, Partial<PackOptions>, string]>([
    ["an output that exists", { output: pathOf("plain.evidence") }, "exists"],
    ["no key", { sign: "abc" }, "the key is not an Ed25519 private key"],
    ["a time without a zone", { startedOn: "2026-11-30 08:00" }, "expected a time in UTC"],
    ["a day that does not exist", { startedOn: "2026-13-30T08:00:00Z" }, "expected a time in UTC"],
    ["an end before the start", { startedOn: "2026-11-30T08:00:00Z", finishedOn: "2026-11-30T07:00:00Z" }, "before they start"],
    ["a trace id of zeros", { traceId: "0".repeat(32) }, "32 lower-case"],
    ["an identity with a line feed", { identity: "a\nb" }, "control character"],
    ["an inline value", { redact: ["1.result"] }, "is in"],
    ["a value that is not there", { redact: ["9"] }, "has no such value"],
    ["a selector without meaning", { redact: ["one"] }, "expected a call (2)"],
  ])("%s is refused", async (_name, options, message) => {
    await expect(pack("plain.jsonl", "never.evidence", options)).rejects.toThrow(message);
    expect(existsSync(pathOf("never.evidence"))).toBe(false);
    expect(readdirSync(folder).filter((name) => name.startsWith("."))).toEqual([]);
  });

  test("is not made of a log that does not verify, or whose run goes on", async () => {
    writeFileSync(pathOf("cut.jsonl"), readFileSync(pathOf("plain.jsonl")).subarray(0, -100));
    cpSync(pathOf("plain.jsonl.blobs"), pathOf("cut.jsonl.blobs"), { recursive: true });
    await expect(pack("cut.jsonl", "never.evidence")).rejects.toMatchObject({ kind: "evidence.unverified" });
    expect(existsSync(pathOf("never.evidence"))).toBe(false);
  });
});

describe("the envelope", () => {
  const envelope = (): { payload: string; payloadType: string; signatures: { keyid: string; sig: string }[] } =>
    JSON.parse(readFileSync(pathOf("plain.evidence/attestation.json"), "utf8"));

  test("has the pre-authentication encoding of the specification", () => {
    // The example in the DSSE protocol, and a type with a character of two bytes.
    expect(Buffer.from(preAuthenticationEncoding("http://example.com/HelloWorld", Buffer.from("hello world"))).toString()).toBe(
      "DSSEv1 29 http://example.com/HelloWorld 11 hello world",
    );
    expect(Buffer.from(preAuthenticationEncoding("application/vnd.exämple+json", Buffer.alloc(0))).toString()).toBe(
      "DSSEv1 29 application/vnd.exämple+json 0 ",
    );
  });

  test("holds an in-toto statement about the files", () => {
    const { payload, payloadType } = envelope();
    expect(payloadType).toBe("application/vnd.in-toto+json");
    const statement: unknown = JSON.parse(Buffer.from(payload, "base64").toString());
    expect(statement).toMatchObject({
      _type: "https://in-toto.io/Statement/v1",
      predicateType: "urn:boruna:evidence:v1",
      subject: [{ name: "SHA256SUMS" }, { name: "plain.jsonl", digest: { sha256: expect.stringMatching(/^[0-9a-f]{64}$/) } }],
    });
  });

  test("verifies with OpenSSL", () => {
    const { payload, payloadType, signatures } = envelope();
    const body = Buffer.from(payload, "base64");
    writeFileSync(pathOf("pae"), Buffer.concat([Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${body.length} `), body]));
    writeFileSync(pathOf("sig"), Buffer.from(signatures[0]?.sig ?? "", "base64"));
    writeFileSync(pathOf("key.pub"), key.publicPem);
    const args = ["pkeyutl", "-verify", "-pubin", "-inkey", pathOf("key.pub"), "-rawin", "-in", pathOf("pae"), "-sigfile", pathOf("sig")];
    if (spawnSync("openssl", ["version"]).error === undefined)
      expect(execFileSync("openssl", args, { encoding: "utf8" })).toContain("Verified Successfully");
  });
});

describe("a statement that its signer made", () => {
  const signer = expectDefined(signingKeyOf(key.privatePem));
  const signed = async (name: string, change: (statement: string) => string): ReturnType<typeof verifyEvidence> => {
    cpSync(pathOf("redacted.evidence"), pathOf(name), { recursive: true });
    const file = join(pathOf(name), "attestation.json");
    const { payload } = openEnvelope(readFileSync(file));
    const changed = change(Buffer.from(payload).toString());
    writeFileSync(file, signEnvelope(Buffer.from(changed), signer));
    return verifyEvidence(pathOf(name), { key: key.publicKey });
  };

  test("a second time, without a change, verifies", async () => {
    expect(await signed("same.evidence", (statement) => statement)).toMatchObject({ ok: true });
  });

  test.each<[string, (statement: string) => string, string]>([
    ["another outcome", (statement) => statement.replace('"outcome":"success"', '"outcome":"trapped"'), "statement"],
    ["another number of events", (statement) => statement.replace(/"events":\d+/, '"events":1'), "statement"],
    ["another place of a redacted value", (statement) => statement.replace('"event":2', '"event":1'), "statement"],
    ["a redacted value less", (statement) => statement.replace(/"redacted":\[\{[^}]*\},?/, '"redacted":['), "logs"],
    ["another log", (statement) => statement.replaceAll("open.jsonl", "other.jsonl"), "logs"],
  ])("with %s is found", async (name, change, check) => {
    expect(await signed(`${name}.evidence`, change)).toMatchObject({ ok: false, failure: { check } });
  });
});

describe("redacted values", () => {
  test("are nowhere in the bundle, and everything verifies: chain, both signatures, statement", async () => {
    const verification = await verifyEvidence(pathOf("redacted.evidence"), { key: key.publicKey });
    expect(verification).toMatchObject({ ok: true });
    const [run] = verification.runs;
    expect(run?.stated.redacted.map(({ event, value }) => [event, value])).toEqual([
      [2, "result"],
      [3, "args[2]"],
    ]);
    expect(run?.verification.checks.map(({ name }) => name)).toContain("signature");
    for (const file of readdirSync(pathOf("redacted.evidence"), { recursive: true, withFileTypes: true }))
      if (file.isFile()) expect(readFileSync(join(file.parentPath, file.name), "latin1")).not.toContain(SECRET);
  });

  test("stop a replay with an error that names the value", async () => {
    const log = readLog(pathOf("redacted.evidence/open.jsonl"));
    const named = { kind: "log.blob_missing", message: expect.stringMatching(/^event 2: CapResult.result of fs.read is redacted or lost/) };
    await expect(replayRun(log, { tracing: false })).rejects.toMatchObject(named);
    if (log.format === "log") await expect(whatIf(log, { edits: new Map([[3, 0]]) })).rejects.toMatchObject({ kind: "log.blob_missing" });
    expect(await verifyLog(pathOf("redacted.evidence/open.jsonl"))).toMatchObject({ ok: false, failure: { kind: "log.blob_missing" } });
  });

  test("whose files are back in the bundle are named", async () => {
    cpSync(pathOf("redacted.evidence"), pathOf("again.evidence"), { recursive: true });
    const blobs = pathOf("again.evidence/open.jsonl.blobs");
    const redacted = readdirSync(pathOf("open.jsonl.blobs")).find((name) => !existsSync(join(blobs, name)));
    cpSync(pathOf(`open.jsonl.blobs/${redacted}`), join(blobs, redacted ?? ""));
    const { runs } = await verifyEvidence(pathOf("redacted.evidence"));
    const listed = new Set(runs.flatMap(({ stated }) => stated.redacted.map(({ sha256 }) => sha256)));
    const { failure } = await verifyLog(pathOf("again.evidence/open.jsonl"), { redacted: listed });
    expect(failure).toMatchObject({ check: "blobs", kind: "log.redacted" });
    expect(failure?.reason).toContain("is there, although its value is listed as redacted");
  });

  test("inside a longer text are reported", async () => {
    const packed = await pack("open.jsonl", "inside.evidence", { redact: ["2.result"] });
    expect(packed.repeated).toEqual([{ event: 7, value: "value" }]);
  });

  test("that occur in another event are reported", async () => {
    const packed = await pack("open.jsonl", "one.evidence", { redact: ["1.result"] });
    expect(packed.repeated).toEqual([{ event: 3, value: "args[2]" }]);
  });

  test("may be the end record, an event, or a whole call", async () => {
    const { runs } = await pack("open.jsonl", "all.evidence", { redact: ["end", "event:5", "2"] });
    expect(runs[0]?.redacted.map(({ event }) => event)).toEqual([3, 3, 3, 4, 5, 5, 5, 7]);
  });

  test("in the end record leave the places of calls known", async () => {
    await pack("open.jsonl", "end.evidence", { redact: ["end"] });
    const lines: unknown[] = [];
    for await (const entry of locatedEntries(readLog(pathOf("end.evidence/open.jsonl"))))
      if (entry.type === "call") lines.push(entry.place?.line);
    expect(lines).toEqual([2, 3, 4]);
    expect(await verifyEvidence(pathOf("all.evidence"), { key: key.publicKey })).toMatchObject({ ok: true });
  });

  test("the arguments of an approved call stay, because the decision needs them", async () => {
    const policy = policyOf({ schema_version: 1, rules: { random: { allow: true, approval: "required" } } });
    const waits = compile({ name: "waits.ax", text: 'fn main() -> Int !{random} { random("int", 0, 9) }' });
    await execute(waits, { policy, tracing: false, handlers, record: { path: pathOf("waits.jsonl"), redactable: true } });
    await expect(pack("waits.jsonl", "never.evidence")).rejects.toMatchObject({ kind: "evidence.unverified" });
    await approve(pathOf("waits.jsonl"), { call: 1, decision: "approved", by: "ada" });
    expect(await resume(pathOf("waits.jsonl"), { tracing: false, handlers })).toMatchObject({ outcome: "success", value: 1 });
    await expect(pack("waits.jsonl", "never.evidence", { redact: ["1"] })).rejects.toMatchObject({ kind: "evidence.unverified" });
    await pack("waits.jsonl", "approved.evidence", { redact: ["1.result"] });
    expect(await verifyEvidence(pathOf("approved.evidence"), { key: key.publicKey })).toMatchObject({ ok: true });
  });
});

describe("a redactable log", () => {
  test("has every value beside it, salted and padded, and replays", async () => {
    const text = readFileSync(pathOf("open.jsonl"), "utf8");
    expect(text).not.toMatch(/"(String|Int)":/);
    const log = readLog(pathOf("open.jsonl"));
    expect(await replayRun(log, { tracing: false })).toMatchObject({ status: "identical" });
    expect(await verifyLog(pathOf("open.jsonl"), { key: key.publicKey, replay: true })).toMatchObject({ ok: true });
    const sizes = [...text.matchAll(/"bytes":(\d+)/g)].map(([, bytes]) => Number(bytes));
    expect(sizes.filter((size) => size % 64 !== 0)).toEqual([]);
    await record("again.jsonl", true);
    expect(readFileSync(pathOf("again.jsonl"), "utf8").split("\n")[2]).not.toBe(text.split("\n")[2]);
  });

  /** Returns a text for each difference: kind, event in `a`, event in `b`, both values. */
  function differences(a: string, b: string): readonly string[] {
    const found = [...diffLogs(readLog(pathOf(a)), readLog(pathOf(b)))];
    return found.map((one) => `${one.kind} ${one.a?.event ?? "-"} ${one.b?.event ?? "-"}: ${one.aText ?? ""} | ${one.bText ?? ""}`);
  }

  test("compares by its values, whatever their salts, with logs of both forms", async () => {
    await record("salted.jsonl", true);
    for (const other of ["open.jsonl", "salted.jsonl", "plain.jsonl"]) expect(differences("open.jsonl", other)).toEqual([]);
    const reads = compile({
      name: "reads.ax",
      text: "fn main(names: List<String>) -> Int !{fs.read} { for name in names { let _text = fs.read(name) } list.len(names) }",
    });
    const recordReads = (name: string, names: readonly string[], redactable: boolean): Promise<unknown> =>
      execute(reads, {
        policy: "allow-all",
        tracing: false,
        args: { names },
        handlers: { "fs.read": (args) => `text of ${String(args[0])}` },
        record: { path: pathOf(name), redactable },
      });
    await recordReads("abc.jsonl", ["a", "b", "c"], true);
    await recordReads("xabc.jsonl", ["x", "a", "b", "c"], true);
    await recordReads("ac.jsonl", ["a", "c"], false);
    expect(differences("abc.jsonl", "xabc.jsonl").filter((text) => text.startsWith("only"))).toEqual([
      expect.stringMatching(/^only_b - 1:.*fs\.read\("x"\)/),
    ]);
    expect(differences("abc.jsonl", "ac.jsonl").filter((text) => text.startsWith("only"))).toEqual([
      expect.stringMatching(/^only_a 3 -: .*fs\.read\("b"\)/),
    ]);
  });

  test("with redacted values compares: each equals itself, and differs from any other", async () => {
    await record("other.jsonl", true);
    expect(differences("redacted.evidence/open.jsonl", "open.jsonl")).toEqual([]);
    expect(differences("redacted.evidence/open.jsonl", "redacted.evidence/open.jsonl")).toEqual([]);
    const found = differences("redacted.evidence/open.jsonl", "other.jsonl");
    expect(found.map((text) => text.split(":")[0])).toEqual(["answer 2 2", "arguments 3 3"]);
    for (const text of found) expect(text).toContain("redacted or lost, sha256 ");
    expect(differences("other.jsonl", "redacted.evidence/open.jsonl")).toHaveLength(2);
    // The text that is shown for a redacted value is another value.
    const [shown = ""] = /\(redacted or lost, sha256 [0-9a-f]{64}\)/.exec(found[0] ?? "") ?? [];
    for (const [name, redactable] of [
      ["shown.jsonl", false],
      ["shown-sealed.jsonl", true],
    ] as const) {
      await record(name, redactable, undefined, shown);
      for (const [a, b] of [
        [name, "redacted.evidence/open.jsonl"],
        ["redacted.evidence/open.jsonl", name],
      ] as const)
        expect(differences(a, b).map((text) => text.split(":")[0])).toEqual(["answer 2 2", "arguments 3 3", "end 7 7"]);
    }
  });
});

test("no change of a bundle verifies", async () => {
  const source = pathOf("redacted.evidence");
  const files = readdirSync(source, { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile())
    .map((file) => join(file.parentPath, file.name).slice(source.length + 1))
    .sort();
  const [redacted = ""] = (await verifyEvidence(source)).runs.flatMap(({ stated }) => stated.redacted.map(({ sha256 }) => sha256));
  const file = fc.constantFrom(...files, "attestation.json", "SHA256SUMS", "open.jsonl");
  type Change = (bundle: string) => void;
  const rewrite =
    (name: string, change: (bytes: Buffer) => Uint8Array): Change =>
    (bundle) =>
      writeFileSync(join(bundle, name), change(readFileSync(join(bundle, name))));
  const inStatement = (change: (text: string) => string): Change =>
    rewrite("attestation.json", (bytes) => {
      const envelope: { payload: string } = JSON.parse(bytes.toString());
      const payload = Buffer.from(change(Buffer.from(envelope.payload, "base64").toString())).toString("base64");
      return Buffer.from(bytes.toString().replace(envelope.payload, payload));
    });
  const spot = fc.nat(1_000_000);
  const change: fc.Arbitrary<Change> = fc.oneof(
    fc.tuple(file, spot, fc.integer({ min: 1, max: 255 })).map(([name, where, mask]) =>
      rewrite(name, (bytes) => {
        bytes[where % bytes.length] = (bytes[where % bytes.length] ?? 0) ^ mask;
        return bytes;
      }),
    ),
    fc.tuple(file, spot).map(([name, where]) => rewrite(name, (bytes) => bytes.subarray(0, where % bytes.length))),
    fc.tuple(file, spot, fc.constantFrom(" ", "\n", "\t", "\r", "0", "}", "=", "\u0000", "\u00a0")).map(([name, where, text]) =>
      rewrite(name, (bytes) => {
        const index = where % (bytes.length + 1);
        return Buffer.concat([bytes.subarray(0, index), Buffer.from(text), bytes.subarray(index)]);
      }),
    ),
    fc.tuple(fc.constantFrom("open.jsonl", "SHA256SUMS"), spot, spot, fc.constantFrom("swap", "copy", "drop")).map(([name, a, b, how]) =>
      rewrite(name, (bytes) => {
        const lines = bytes.toString().split("\n").slice(0, -1);
        const [i, j] = [a % lines.length, b % lines.length];
        if (how === "swap") [lines[i], lines[j]] = [lines[j] ?? "", lines[i] ?? ""];
        else if (how === "copy") lines.splice(j, 0, lines[i] ?? "");
        else lines.splice(i, 1);
        return Buffer.from(`${lines.join("\n")}\n`);
      }),
    ),
    file.map(
      (name): Change =>
        (bundle) =>
          rmSync(join(bundle, name)),
    ),
    fc.tuple(file, file).map(
      ([a, b]): Change =>
        (bundle) => {
          if (a !== b) cpSync(join(bundle, a), join(bundle, b));
        },
    ),
    fc.tuple(file, fc.constantFrom(".bak", "~", ".jsonl", "/")).map(
      ([name, suffix]): Change =>
        (bundle) => {
          if (suffix === "/") mkdirSync(join(bundle, `${name}-folder`));
          else renameSync(join(bundle, name), join(bundle, `${name}${suffix}`));
        },
    ),
    file.map(
      (name): Change =>
        (bundle) => {
          renameSync(join(bundle, name), `${bundle}-moved`);
          symlinkSync(`${bundle}-moved`, join(bundle, name));
        },
    ),
    fc.constantFrom("new.txt", "open.jsonl.blobs/new", `open.jsonl.blobs/${redacted}`, "open.jsonl.open").map(
      (name): Change =>
        (bundle) => {
          const original = pathOf(`open.jsonl.blobs/${redacted}`);
          if (name.endsWith(redacted)) cpSync(original, join(bundle, name));
          else writeFileSync(join(bundle, name), "x");
        },
    ),
    fc
      .constantFrom('"redacted":[]', '"redacted":[{"event":2,"value":"result","sha256":"0"}]')
      .map((text) => inStatement((statement) => statement.replace(/"redacted":\[[^\]]*\]/, text))),
    fc
      .constantFrom(/"outcome":"success"/, /"events":\d+/, /"mode":"mock"/, /"packedOn":"\d/, /v1/)
      .map((pattern) => inStatement((statement) => statement.replace(pattern, (found) => `${found.slice(0, -2)}x${found.slice(-1)}`))),
    fc.constant<Change>(
      rewrite("attestation.json", (bytes) => Buffer.from(bytes.toString().replaceAll(key.publicKey, generateKey().publicKey))),
    ),
  );
  const contents = (bundle: string): string =>
    readdirSync(bundle, { recursive: true, withFileTypes: true })
      .map((entry) => {
        const path = join(entry.parentPath, entry.name);
        return `${path.slice(bundle.length)} ${entry.isFile() ? readFileSync(path, "hex") : entry.isDirectory()}`;
      })
      .sort()
      .join("\n");
  const before = contents(source);
  let unchanged = 0;
  let count = 0;
  await fc.assert(
    fc.asyncProperty(change, async (apply) => {
      count += 1;
      const bundle = pathOf(`changed-${count}`);
      cpSync(source, bundle, { recursive: true });
      apply(bundle);
      const { ok } = await verifyEvidence(bundle, { key: key.publicKey });
      if (contents(bundle) === before) unchanged += 1;
      else expect(ok).toBe(false);
      rmSync(bundle, { recursive: true });
      rmSync(`${bundle}-moved`, { force: true });
    }),
    { numRuns: scaledRuns(2_000) },
  );
  // A change may have no effect, such as copying a file over itself. Most must have one.
  expect(unchanged).toBeLessThan(count / 2);
});
