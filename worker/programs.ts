/** The programs of runs in the database: each row has a verified program and its policy, and the hash of both. */
import { sha256Hex } from "../gateway/digest.ts";
import { type Policy, policyFromJson, policyToJson } from "../policy/policy.ts";
import { decodeModule, encodeModule } from "../vm/bytecode/codec.ts";
import type { Program } from "../vm/bytecode/program.ts";
import { verifyModule } from "../vm/bytecode/verifier.ts";
import { type CapabilityDecl, type CapabilityRegistry, registryOf } from "../vm/capabilities.ts";
import { BorunaError } from "../vm/error.ts";
import { canonicalJson, type JsonData, parseJson } from "../vm/json/json.ts";
import { declarationToJson, declareCapability } from "../vm/own-capabilities.ts";
import type { ProgramRow } from "./store.ts";

/** A program with its policy, ready to run. */
export interface StoredProgram {
  readonly program: Program;
  readonly policy: Policy;
}

interface EncodedProgram extends Pick<ProgramRow, "module" | "capabilities"> {
  readonly moduleHash: string;
}

/** The programs that were submitted, so that many runs of one program encode it once. */
const ENCODED = new WeakMap<Program, EncodedProgram>();

function encodedProgram(program: Program): EncodedProgram {
  const found = ENCODED.get(program);
  if (found !== undefined) return found;
  const module = encodeModule(program.module, { debug: true, registry: program.registry });
  const capabilities = canonicalJson(program.registry.own.map(declarationToJson));
  const encoded = { module, capabilities, moduleHash: sha256Hex(module) };
  ENCODED.set(program, encoded);
  return encoded;
}

/** Returns the row of a program and its hash, `sha256:hex`, which covers all of it. */
export function programRow({ program, policy: given }: StoredProgram): ProgramRow & { readonly hash: string } {
  const { module, capabilities, moduleHash } = encodedProgram(program);
  const policy = canonicalJson(policyToJson(given));
  return { module, policy, capabilities, hash: `sha256:${sha256Hex(`${moduleHash}\n${policy}\n${capabilities}`)}` };
}

/** Returns the program and the policy of a row. `registry` has the capabilities that the program may use. Throws `module.*`, `policy.*`. */
export function programFromRow(row: ProgramRow, registry: CapabilityRegistry): StoredProgram {
  return {
    program: verifyModule(decodeModule(row.module, registry), registry),
    policy: policyFromJson(parseJson(row.policy)),
  };
}

/** Returns a registry of the declarations in the row, without handlers. */
export function declaredRegistry(row: ProgramRow): CapabilityRegistry {
  return registryOf(declarationsOf(row).map(declareCapability));
}

/** Returns those capabilities of `own` that the row declares. Throws `worker.capabilities` if `own` lacks one or declares it differently. */
export function servedRegistry(row: ProgramRow, own: CapabilityRegistry): CapabilityRegistry {
  const served = new Map<string, CapabilityDecl>(
    own.own.map((declaration) => [canonicalJson(declarationToJson(declaration)), declaration]),
  );
  const found = declarationsOf(row).map((data) => {
    const declaration = served.get(canonicalJson(data));
    if (declaration !== undefined) return declaration;
    const { name } = declareCapability(data);
    throw new BorunaError("worker.capabilities", `this worker does not serve the capability ${name} as the program declares it`, {
      hint: "start the workers of the queue with the same --capabilities as `boruna submit`",
    });
  });
  return registryOf(found);
}

const isJsonList = (data: JsonData): data is readonly JsonData[] => Array.isArray(data);

function declarationsOf({ capabilities }: ProgramRow): readonly JsonData[] {
  const data = parseJson(capabilities);
  return isJsonList(data) ? data : [];
}

/** Keeps the `size` programs that were used last. Runs that begin together load their program once. */
export class ProgramCache {
  readonly #programs = new Map<string, Promise<StoredProgram>>();
  readonly #size: number;

  constructor(size: number) {
    this.#size = size;
  }

  get(hash: string, load: () => Promise<StoredProgram>): Promise<StoredProgram> {
    const found = this.#programs.get(hash) ?? this.#load(hash, load);
    this.#programs.delete(hash);
    this.#programs.set(hash, found);
    const [oldest] = this.#programs.keys();
    if (this.#programs.size > this.#size && oldest !== undefined) this.#programs.delete(oldest);
    return found;
  }

  #load(hash: string, load: () => Promise<StoredProgram>): Promise<StoredProgram> {
    const loading = load();
    // Forgets a failed load, so that the next run tries again.
    loading.catch(() => this.#programs.delete(hash));
    return loading;
  }
}
