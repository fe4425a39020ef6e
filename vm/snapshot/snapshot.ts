/**
 * Writes and reads snapshots. A snapshot is a suspended run as bytes:
 *
 *     "BRNS" | version, u16 LE | SHA-256 of the rest | module hash | Strings | nodes | state
 *
 * `encodeState` makes a snapshot and `decodeState` reads one. Strings and nodes are the tables of `value-writer.ts`. The state is what
 * `state-writer.ts` writes: limits, counters, actors with their frames and mailboxes, and the calls without an answer. The values in the
 * state refer to the tables.
 *
 * The digest detects accidental damage but not forgery, because anyone can compute the digest of a forged state. So a snapshot must come
 * from a trusted store. Reading still checks everything that the engines rely on, so a forged snapshot cannot break the engines, and `caps`
 * bounds the limits in the snapshot.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { hexToBytes } from "@noble/hashes/utils.js";
import type { Program } from "../bytecode/program.ts";
import { BorunaError } from "../error.ts";
import type { Limits } from "../limits.ts";
import { ByteReader, ByteWriter, MAX_STATE_BYTES, tooLarge } from "./bytes.ts";
import { StateReader } from "./state-reader.ts";
import { type RunState, writeState } from "./state-writer.ts";
import { ValueReader } from "./value-reader.ts";
import { ValueWriter } from "./value-writer.ts";

const MAGIC = [0x42, 0x52, 0x4e, 0x53] as const;
const VERSION = 5;
const VERSION_OFFSET = 4;
const DIGEST_OFFSET = 6;
const DIGEST_BYTES = 32;
const BODY_OFFSET = DIGEST_OFFSET + DIGEST_BYTES;

/** Writes the state of a run as a snapshot. Throws `state.too_large` if the snapshot exceeds `MAX_STATE_BYTES`. */
export function encodeState(program: Program, state: RunState): Uint8Array {
  const values = new ValueWriter();
  const stateBytes = new ByteWriter();
  writeState(program, stateBytes, values, state);
  const body = new ByteWriter();
  body.raw(hashBytes(program));
  values.writeTables(body);
  body.raw(stateBytes.written());
  const written = body.written();
  const bytes = new Uint8Array(BODY_OFFSET + written.length);
  bytes.set(MAGIC);
  new DataView(bytes.buffer).setUint16(VERSION_OFFSET, VERSION, true);
  bytes.set(sha256(written), DIGEST_OFFSET);
  bytes.set(written, BODY_OFFSET);
  return bytes;
}

/**
 * Reads a snapshot of a run of this program. Work and memory are proportional to the length of the bytes. `caps` are the highest limits
 * that the state may have. Throws `state.bad_magic`, `state.version`, `state.too_large` or `state.damaged` if the bytes are not an intact
 * snapshot of this version, `state.module` if the snapshot belongs to another module, `state.limits` if a limit is above `caps`, and
 * `state.form` if the bytes are intact but not a state of this program.
 */
export function decodeState(program: Program, bytes: Uint8Array, caps?: Limits): RunState {
  const reader = new ByteReader(bodyOf(bytes));
  if (!sameBytes(reader.raw(DIGEST_BYTES), hashBytes(program))) {
    throw new BorunaError("state.module", "the state belongs to another module", {
      hint: `resume it with the module that was suspended; this one is ${program.moduleHash}`,
    });
  }
  const values = new ValueReader(
    reader,
    program.functions.map(({ def }) => def.arity),
  );
  const state = new StateReader(program, reader, values).read(caps);
  reader.end();
  return state;
}

function bodyOf(bytes: Uint8Array): Uint8Array {
  if (MAGIC.some((byte, i) => bytes[i] !== byte))
    throw new BorunaError("state.bad_magic", 'not a suspended run: it does not begin with "BRNS"');
  if (bytes.length < BODY_OFFSET + DIGEST_BYTES) throw new BorunaError("state.damaged", "the state is cut short");
  const version = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint16(VERSION_OFFSET, true);
  if (version !== VERSION) throw new BorunaError("state.version", `state format version ${version}; this machine reads version ${VERSION}`);
  if (bytes.length - BODY_OFFSET > MAX_STATE_BYTES) throw tooLarge();
  const body = bytes.subarray(BODY_OFFSET);
  if (!sameBytes(sha256(body), bytes.subarray(DIGEST_OFFSET, BODY_OFFSET)))
    throw new BorunaError("state.damaged", "the state is damaged: its digest does not match");
  return body;
}

const HASH_PREFIX = "sha256:";
const hashBytes = ({ moduleHash }: Program): Uint8Array => hexToBytes(moduleHash.slice(HASH_PREFIX.length));
const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, i) => byte === b[i]);
