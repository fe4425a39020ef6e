/**
 * Source builtins: builtins that are written in `.ax`, such as `list.map`. Each is a file of its own and is checked when a program
 * first uses it.
 *
 * The checked functions of a builtin do not depend on the program, so all programs of the process share them. The exceptions are
 * builtins whose code refers to a record of `BUILTIN_RECORDS`, because the name of that record in the module depends on the types
 * of the program. These builtins are checked again for each program.
 */
import { BUILTIN_RECORDS } from "../../vm/builtins/builtin-table.ts";
import type { BuiltinDecl } from "../../vm/builtins/decl.ts";
import { BUILTIN_REGISTRY } from "../../vm/capabilities.ts";
import { BorunaError } from "../../vm/error.ts";
import { parseType } from "../../vm/value/type.ts";
import type { TypeDecl } from "../check-types.ts";
import { declareUnit, type ModuleNamer } from "../declare.ts";
import { checkEffects } from "../effect-rows.ts";
import type { Callable } from "../ir.ts";
import { makeUnit } from "../load-units.ts";
import { paramsByName, type ParamType } from "../rows.ts";
import type { SourceUnit } from "../scope.ts";
import { checkBody } from "./bodies.ts";
import { CheckContext } from "./context.ts";

/** A checked builtin that all programs share, or "dependent" if each program needs its own copy. */
type Shared = Callable | "dependent";

/** The builtins that some program of this process has used, by name. */
const SHARED = new Map<string, Shared>();

/** The source builtins that one program uses. In its methods, `context` is the context of the program. */
export class SourceBuiltins {
  /** The functions of the builtins that the program does not share, by the name of the builtin. */
  readonly #own = new Map<string, Callable>();
  readonly #units: SourceUnit[] = [];
  /** The functions of `#own` whose bodies are not checked yet. */
  readonly #unchecked: { readonly callable: Callable; readonly unit: SourceUnit }[] = [];

  /** Whether the program has its own copies of builtins other than `except`. */
  hasOwn(except: BuiltinDecl): boolean {
    return [...this.#own.keys()].some((name) => name !== except.name);
  }

  /** Returns the function that implements the builtin. */
  get(builtin: BuiltinDecl, context: CheckContext, moduleNamer: ModuleNamer): Callable {
    const own = this.#own.get(builtin.name);
    if (own !== undefined) return own;
    const shared = sharedBuiltin(builtin);
    return shared === "dependent" ? this.declare(builtin, context, moduleNamer) : shared;
  }

  /** Declares a copy of the builtin for this program only. */
  declare(builtin: BuiltinDecl, context: CheckContext, moduleNamer: ModuleNamer): Callable {
    const unit = makeUnit({ name: `builtin:${builtin.name}`, text: builtin.source ?? "" });
    const [first, ...others] = declareUnit(context, { unit, imports: [] }, moduleNamer);
    if (first === undefined) throw new BorunaError("internal", `the builtin ${builtin.name} has no function`);
    this.#own.set(builtin.name, first);
    for (const callable of [first, ...others]) this.#unchecked.push({ callable, unit });
    this.#units.push(unit);
    return first;
  }

  /** Checks the bodies of the declared functions. Checking them may declare further ones. Then checks the effect rows of all functions of the context. */
  check(context: CheckContext): void {
    for (let next = this.#unchecked.shift(); next !== undefined; next = this.#unchecked.shift())
      checkBody(context, next.callable, next.unit);
    checkEffects(context.scopes);
    const error = this.#units.flatMap((unit) => unit.diagnostics.sorted()).find(({ severity }) => severity === "error");
    if (error !== undefined) throw new BorunaError("internal", `${error.file}: ${error.message}`);
  }
}

function sharedBuiltin(builtin: BuiltinDecl): Shared {
  const checkedBefore = SHARED.get(builtin.name);
  if (checkedBefore !== undefined) return checkedBefore;
  // This entry stands while `checkAlone` runs, so a builtin that uses itself through another builtin is not shared.
  SHARED.set(builtin.name, "dependent");
  const shared = checkAlone(builtin);
  SHARED.set(builtin.name, shared);
  return shared;
}

/** Checks the builtin apart from any program. */
function checkAlone(builtin: BuiltinDecl): Shared {
  const sameName: ModuleNamer = (name) => name;
  const records = builtinRecords(sameName);
  let namesRecord = false;
  const recordNamed = (name: string): TypeDecl | undefined => {
    const record = records.get(name);
    namesRecord ||= record !== undefined;
    return record;
  };
  const builtins = new SourceBuiltins();
  const context: CheckContext = new CheckContext(BUILTIN_REGISTRY, (other) => builtins.get(other, context, sameName), recordNamed);
  fillRecords(context, records);
  const callable = builtins.declare(builtin, context, sameName);
  builtins.check(context);
  return namesRecord || builtins.hasOwn(builtin) ? "dependent" : callable;
}

/** Returns declarations of the records that builtins return. Their fields are not filled in yet. */
export function builtinRecords(moduleNamer: ModuleNamer): ReadonlyMap<string, TypeDecl> {
  const decls = new Map<string, TypeDecl>();
  for (const { name, params: names } of BUILTIN_RECORDS) {
    const params = names.map((param): ParamType => ({ kind: "param", name: param, use: "type" }));
    const moduleName = moduleNamer(name);
    decls.set(name, { name, kind: "record", moduleName, declaredIn: null, params, fields: [], variants: [], kept: [] });
  }
  return decls;
}

/** Fills in the fields of the records that builtins return. */
export function fillRecords(context: CheckContext, decls: ReadonlyMap<string, TypeDecl>): void {
  for (const record of BUILTIN_RECORDS) {
    const decl = decls.get(record.name);
    if (decl === undefined) continue;
    const byName = paramsByName(decl.params);
    decl.fields = record.fields.map((f) => ({
      name: f.name,
      type: context.fromModuleType(parseType(f.type, new Set(byName.keys())), byName),
    }));
  }
}
