import { basename } from "node:path";
import { packEvidence, type PackOptions } from "../../replay/evidence/pack.ts";
import { verifyEvidence, type VerifyEvidenceOptions } from "../../replay/evidence/verify-evidence.ts";
import { evidenceJson, evidenceLines, packJson, packLines } from "../../replay/report/evidence-report.ts";
import { BorunaError } from "../../vm/error.ts";
import { EXIT } from "../../vm/outcome.ts";
import { withFlagNames } from "../hints.ts";
import { publicKeyFlag, readKey } from "../keys.ts";
import { omitUndefined } from "../omit-undefined.ts";
import { type ReplayLimitFlags, replayLimits } from "../run-arguments.ts";
import type { CommandSession } from "../session.ts";
import { printJson, toPlainObject, withoutControlCharacters } from "../terminal.ts";

export interface EvidencePackFlags {
  readonly sign?: string;
  readonly output?: string;
  readonly redact?: readonly string[];
  readonly identity?: string;
  readonly started?: string;
  readonly finished?: string;
  readonly traceId?: string;
}

export async function evidencePackCommand(
  { terminal, json }: CommandSession,
  logs: readonly string[],
  flags: EvidencePackFlags,
): Promise<number> {
  const { sign, identity, started, finished, traceId, redact } = flags;
  if (sign === undefined)
    throw new BorunaError("usage", "evidence needs a signature", { hint: "boruna keygen FILE makes a key; give it with --sign FILE." });
  const output = flags.output ?? `${basename(logs[0] ?? "").replace(/\.jsonl$/, "")}.evidence`;
  const optional = omitUndefined<Partial<PackOptions>>({ identity, startedOn: started, finishedOn: finished, traceId, redact });
  const packed = await packEvidence(logs, { output, sign: readKey(sign), ...optional });
  if (json) printJson(terminal, toPlainObject(packJson(packed)));
  else for (const line of packLines(packed)) terminal.out(withoutControlCharacters(line));
  return EXIT.done;
}

export interface EvidenceVerifyFlags extends ReplayLimitFlags {
  readonly key?: string;
  readonly replay?: boolean;
  readonly explain?: boolean;
}

export async function evidenceVerifyCommand(
  { terminal, json }: CommandSession,
  folder: string,
  flags: EvidenceVerifyFlags,
): Promise<number> {
  const options = omitUndefined<VerifyEvidenceOptions>({
    key: flags.key === undefined ? undefined : publicKeyFlag(flags.key),
    replay: flags.replay,
    replayLimits: flags.replay === true ? replayLimits(flags) : undefined,
  });
  const verification = await verifyEvidence(folder, options);
  if (json) printJson(terminal, toPlainObject(evidenceJson(verification)));
  else for (const line of evidenceLines(verification, flags.explain)) terminal.out(withoutControlCharacters(withFlagNames(line)));
  return verification.ok ? EXIT.done : EXIT.verificationFailed;
}
