/** A process that resumes a run. Reads JSON from stdin; writes the journal and the end of the run to stdout. */
import { readFileSync } from "node:fs";
import { decodeModule } from "../../../vm/bytecode/codec.ts";
import type { CapabilityAnswer } from "../../../vm/host.ts";
import { resumeMachine } from "../../../vm/scheduler/scheduler.ts";
import { verifyModule } from "../../../vm/bytecode/verifier.ts";
import { type Journal, journalHost, shown } from "./suspending.ts";

interface Input {
  /** Base64. */
  readonly module: string;
  readonly state: string;
  readonly answer: CapabilityAnswer;
  readonly journal: Journal;
}

const input: Input = JSON.parse(readFileSync(0, "utf8"));
const { module, state, answer, journal } = input;
const program = verifyModule(decodeModule(Buffer.from(module, "base64")));
const host = journalHost(journal, () => false);
const end = await resumeMachine(program, host, Buffer.from(state, "base64"), answer);
if (end.status === "suspended") throw new Error("suspended again");
process.stdout.write(shown(end, journal));
