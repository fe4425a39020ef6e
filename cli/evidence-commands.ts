/** The rows of the command table for evidence. */
import { type CommandSpec, REPLAY_LIMITS, withFlags } from "./command-spec.ts";
import type { EvidencePackFlags, EvidenceVerifyFlags } from "./commands/evidence.ts";

export const EVIDENCE_COMMANDS: readonly CommandSpec[] = [
  {
    name: "evidence pack",
    argsSyntax: "<logs...>",
    help: "pack logs of ended runs into a folder, with a signed statement about them (DSSE, in-toto)",
    options: [
      { flags: "--sign <key>", help: "sign the statement with this Ed25519 private key (PEM); required, see `keygen`" },
      { flags: "-o, --output <folder>", help: "the folder to create (default: the first log's name with .evidence, here)" },
      {
        flags: "--redact <value>",
        help: "leave a value out: 2 is call 2, 2.url an argument, 2.result the answer, event:5 an event, end the end",
        repeatable: true,
      },
      { flags: "--identity <name>", help: "who ran the programs, as this host says" },
      { flags: "--started <time>", help: "when the first run started, in UTC: 2026-11-30T08:00:00Z" },
      { flags: "--finished <time>", help: "when the last run ended" },
      { flags: "--trace-id <id>", help: "the trace of the runs: 32 hexadecimal digits" },
    ],
    examples: [
      "boruna evidence pack run.jsonl --sign platform.pem",
      "boruna evidence pack run.jsonl --sign platform.pem --redact 2.url --redact 2.result",
      "boruna evidence pack july.jsonl august.jsonl -o summer.evidence --sign platform.pem --identity ci@example.com",
    ],
    run: withFlags<EvidencePackFlags>(async (session, flags, logs) =>
      (await import("./commands/evidence.ts")).evidencePackCommand(session, logs, flags),
    ),
  },
  {
    name: "evidence verify",
    argsSyntax: "<folder>",
    help: "check a bundle of evidence offline, and say in three lines what that proves: files, signature, replay",
    options: [
      { flags: "--key <key>", help: "the public key that must have signed it: a PEM file, or the key as policies name it" },
      { flags: "--replay", help: "replay the runs too; not possible with redacted values" },
      { flags: "--explain", help: "also print what the statement says and what is not proved" },
      ...REPLAY_LIMITS.map((option) => ({ ...option, needs: "--replay" as const })),
    ],
    examples: ["boruna evidence verify run.evidence --key platform.pem.pub", "boruna evidence verify run.evidence --replay --explain"],
    run: withFlags<EvidenceVerifyFlags>(async (session, flags, [folder = ""]) =>
      (await import("./commands/evidence.ts")).evidenceVerifyCommand(session, folder, flags),
    ),
  },
];
