/**
 * Checks a program, in this order:
 *
 * 1. `loadUnits` parses the file and all files that it imports.
 * 2. `declareUnit` declares the functions and types of each file, imported files first. A section is the text from one item in the
 *    first column to the next. If it has a syntax error, it is damaged: its items are declared, but its bodies are not checked, and
 *    nothing else is reported in it. Names that it may declare are not reported as unknown elsewhere (`hidden-names.ts`).
 * 3. `checkBody` and `checkTest` check each body and build its IR. Checks that need the types of the whole body are deferred
 *    to its end (`runDeferredChecks`).
 * 4. Source builtins, which are written in `.ax`, are declared when they are first used. Most are checked once for all programs of
 *    the process. The others belong to one program and are checked after all its other bodies (`source-builtins.ts`).
 * 5. `checkEffects` compares each function's effect row, `!{net.fetch}`, with the capabilities that its body uses. `checkMailboxCalls`
 *    checks that no function with `receives` calls one that uses the mailbox without declaring `receives`.
 */
import type { CapabilityRegistry } from "../../vm/capabilities.ts";
import { BorunaError } from "../../vm/error.ts";
import { isDamaged } from "../hidden-names.ts";
import { declareUnit, type ModuleNamer } from "../declare.ts";
import type { Diagnostic } from "../diagnostics.ts";
import type { TypeDecl } from "../check-types.ts";
import type { Callable } from "../ir.ts";
import type { SourceFile } from "../source.ts";
import type { SourceUnit } from "../scope.ts";
import { loadUnits, type Resolver } from "../load-units.ts";
import { checkBody, runDeferredChecks } from "./bodies.ts";
import { CheckContext } from "./context.ts";
import { checkMailboxCalls } from "./mailbox.ts";
import { builtinRecords, fillRecords, SourceBuiltins } from "./source-builtins.ts";
import { type CheckedTest, checkTest } from "./tests.ts";

export interface CheckedProgram {
  readonly root: SourceUnit;
  readonly units: readonly SourceUnit[];
  /** The functions of the root file, in source order. The IR of these functions refers to functions of other files. */
  readonly functions: readonly Callable[];
  /** The tests of the root file, in source order. */
  readonly tests: readonly CheckedTest[];
  readonly diagnostics: readonly Diagnostic[];
}

/** Returns the names of the types that a file declares. */
const typeNames = ({ parsed }: SourceUnit): readonly string[] =>
  parsed.items.flatMap((item) => (item.kind === "record" || item.kind === "enum" ? [item.name.text] : []));

/**
 * Returns functions that give each type a unique name in the module. People see these names, so types of the root file keep theirs.
 * An imported type or a record of a builtin gets a number if its name is taken: `Point.2`.
 */
function moduleNaming(units: readonly SourceUnit[], root: SourceUnit): Readonly<Record<"root" | "imported" | "builtin", ModuleNamer>> {
  const taken = new Set<string>();
  const namerAvoiding =
    (reserved: ReadonlySet<string>): ModuleNamer =>
    (name) => {
      let unique = name;
      for (let n = 2; taken.has(unique) || reserved.has(unique); n++) unique = `${name}.${n}`;
      taken.add(unique);
      return unique;
    };
  return {
    root: namerAvoiding(new Set()),
    imported: namerAvoiding(new Set(typeNames(root))),
    builtin: namerAvoiding(new Set(units.flatMap(typeNames))),
  };
}

/** Checks a program. Mistakes in the program are added to `diagnostics` and never thrown. */
export function checkProgram(source: SourceFile, resolve: Resolver, registry: CapabilityRegistry): CheckedProgram {
  const loaded = loadUnits(source, resolve);
  const root = loaded.at(-1);
  if (root === undefined) throw new BorunaError("internal", "no file was loaded");
  const units = loaded.map((l) => l.unit);
  const moduleNamers = moduleNaming(units, root.unit);
  const builtins = new SourceBuiltins();
  const records = builtinRecords(moduleNamers.builtin);
  let recordsAreFilled = false;
  const recordNamed = (name: string): TypeDecl | undefined => {
    const record = records.get(name);
    if (record !== undefined && !recordsAreFilled) {
      recordsAreFilled = true;
      fillRecords(context, records);
    }
    return record;
  };
  const context: CheckContext = new CheckContext(registry, (builtin) => builtins.get(builtin, context, moduleNamers.builtin), recordNamed);

  const result = (functions: readonly Callable[], tests: readonly CheckedTest[]): CheckedProgram => ({
    root: root.unit,
    units,
    functions,
    tests,
    diagnostics: units.flatMap((u) => u.diagnostics.sorted()),
  });
  if (units.some((u) => u.diagnostics.isFull)) return result([], []);
  const declaredUnits = loaded.map((l) => ({
    unit: l.unit,
    functions: declareUnit(context, l, l === root ? moduleNamers.root : moduleNamers.imported),
  }));
  const tests: CheckedTest[] = [];
  for (const { unit, functions } of declaredUnits) {
    for (const callable of functions)
      if (callable.item !== null && !isDamaged(unit.parsed, callable.item.span)) checkBody(context, callable, unit);
    for (const item of unit.parsed.items) {
      if (item.kind !== "test" || isDamaged(unit.parsed, item.span)) continue;
      const test = checkTest(context, unit, item);
      runDeferredChecks(context);
      if (unit === root.unit) tests.push(test);
    }
  }
  builtins.check(context);
  checkMailboxCalls(context.scopes);
  return result(declaredUnits.at(-1)?.functions ?? [], tests);
}
