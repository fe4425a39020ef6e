// A payment, and evidence of it for an auditor who must not see the card number. The run is recorded so that values can be redacted later.
// The bundle leaves the number out, and still verifies: the chain of the log, its signature, and the signed statement.
//
//   node examples/audited-payment/start.mjs
import { compile, execute, packEvidence, verifyEvidence } from "boruna";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const sign = privateKey.export({ type: "pkcs8", format: "pem" });
const folder = mkdtempSync(join(tmpdir(), "boruna-audit-"));
const path = join(folder, "payment.jsonl");
try {
  const program = compile({ name: "pay.ax", text: readFileSync(new URL("pay.ax", import.meta.url), "utf8") });
  const handlers = { "fs.read": () => "4111 1111 1111 1111", "net.fetch": () => "receipt 17" };
  const startedOn = new Date().toISOString();
  await execute(program, { policy: "allow-all", handlers, args: { folder: "july" }, record: { path, sign, redactable: true } });
  const finishedOn = new Date().toISOString();

  const output = join(folder, "payment.evidence");
  const redact = ["1.result", "2.body"];
  const packed = await packEvidence([path], { output, sign, redact, identity: "payments@example.com", startedOn, finishedOn });
  console.log(`packed ${packed.files} files, ${packed.runs[0].redacted.length} values redacted`);

  const verified = await verifyEvidence(output, { key: publicKey.export({ type: "spki", format: "pem" }) });
  console.log(`the auditor's check: ${verified.ok ? "ok" : verified.failure.reason}, by ${verified.claims.get("host").get("identity")}`);
} finally {
  rmSync(folder, { recursive: true });
}
