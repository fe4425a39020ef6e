/**
 * Checks a program, in this order:
 *
 * 1. `loadUnits` parses the file and all files that it imports.
 * 2. `declareUnit` declares the functions and types of each file, imported files first.
 * 3. `checkBody` and `checkTest` check each body and build its IR. Checks that need the types of the whole body are deferred
 *    to its end (`runDeferredChecks`).
 * 4. Source builtins, which are written in `.ax`, are declared when they are first used, each as a file of its own. Their bodies are checked after all
 *    other bodies.
 * 5. `checkEffects` compares each function's effect row with the capabilities that its body uses.
 */
import { BUILTIN_RECORDS } from "../../vm/builtins/builtin-table.ts";
import type { BuiltinDecl } from "../../vm/builtins/decl.ts";
import type { CapabilityRegistry } from "../../vm/capabilities.ts";
import { BorunaError } from "../../vm/error.ts";
import { parseType } from "../../vm/value/type.ts";
import type { Clause } from "../ast.ts";
import { declareUnit, type ModuleNames } from "../declare.ts";
import type { Diagnostic } from "../diagnostics.ts";
import { checkEffects } from "../effect-rows.ts";
import type { Callable, CheckedClause, Local } from "../ir.ts";
import type { SourceFile } from "../source.ts";
import { FunctionScope, type Unit } from "../scope.ts";
import { BOOL, type TypeDecl } from "../check-types.ts";
import type { ParamType } from "../rows.ts";
import { loadUnits, makeUnit, type Resolver } from "../load-units.ts";
import { bindParams } from "./binders.ts";
import { Context } from "./context.ts";
import { ExpressionChecker } from "./expressions.ts";
import { type CheckedTest, checkTest } from "./tests.ts";

export interface CheckedProgram {
  readonly root: Unit;
  readonly units: readonly Unit[];
  /** The functions of the root file, in source order. The IR of these functions refers to functions of other files. */
  readonly functions: readonly Callable[];
  /** The tests of the root file, in source order. */
  readonly tests: readonly CheckedTest[];
  readonly diagnostics: readonly Diagnostic[];
}

/** Returns declarations of the records that builtins return. Their fields are not filled in yet. */
function builtinRecords(moduleNames: ModuleNames): ReadonlyMap<string, TypeDecl> {
  const decls = new Map<string, TypeDecl>();
  for (const { name, params: names } of BUILTIN_RECORDS) {
    const params = names.map((param): ParamType => ({ kind: "param", name: param, use: "type" }));
    const moduleName = moduleNames(name);
    decls.set(name, { name, kind: "record", moduleName, declaredIn: null, params, fields: [], variants: [] });
  }
  return decls;
}

/** Returns the names of the types that a file declares. */
const typeNames = ({ parsed }: Unit): readonly string[] =>
  parsed.items.flatMap((item) => (item.kind === "record" || item.kind === "enum" ? [item.name.text] : []));

/**
 * Returns functions that give each type a unique name in the module. Because people see these names, types of the root file
 * keep their names. Types of imported files have the next priority, and records of builtins the last. If a name is already
 * taken, a number is appended: `Point.2`.
 */
function moduleNaming(units: readonly Unit[], root: Unit): Readonly<Record<"root" | "imported" | "builtin", ModuleNames>> {
  const taken = new Set<string>();
  const namerAvoiding =
    (reserved: ReadonlySet<string>): ModuleNames =>
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

/** Fills in the fields of the records that builtins return. */
function fillRecords(context: Context, decls: ReadonlyMap<string, TypeDecl>): void {
  for (const record of BUILTIN_RECORDS) {
    const decl = decls.get(record.name);
    if (decl === undefined) continue;
    const byName = new Map(decl.params.map((p) => [p.name, p]));
    decl.fields = record.fields.map((f) => ({
      name: f.name,
      type: context.fromModuleType(parseType(f.type, new Set(byName.keys())), byName),
    }));
  }
}

function checkClauses(checker: ExpressionChecker, clauses: readonly Clause[]): readonly CheckedClause[] {
  checker.scope.inContract = true;
  const checked = clauses.map((c) => ({ condition: checker.check(c.condition, BOOL, "a contract"), text: c.text, span: c.span }));
  checker.scope.inContract = false;
  return checked;
}

/** Checks the contract and the body of a function, and stores its IR in the callable. */
function checkBody(context: Context, callable: Callable, unit: Unit): void {
  const { item } = callable;
  if (item === null) return;
  const scope = new FunctionScope(unit, callable, callable.result, null);
  const checker = new ExpressionChecker(scope, context);
  const pattern = item.params.find((p) => p.pattern !== null)?.pattern;
  if (callable.name === "main" && pattern !== undefined && pattern !== null) {
    checker.error("E002", pattern.span, "a parameter of `main` needs a name, by which the caller passes it", {
      help: "write a name, and take the value apart with `let`",
    });
  }
  const { locals: params, prologue } = bindParams(checker, item.params, callable.params);
  const requires = checkClauses(checker, item.requires);
  const value = checker.block(item.body, callable.result, `the result of \`${callable.name}\``);
  scope.enter();
  const result: Local | null =
    item.ensures.length === 0 ? null : { name: "result", type: callable.result, mutable: false, span: item.name.span, used: true };
  if (result !== null) scope.declare(result);
  scope.ensuresResult = result;
  const ensures = checkClauses(checker, item.ensures);
  scope.leave();
  callable.body = { params, prologue, requires, ensures, result, value, intent: item.intent };
  context.scopes.set(callable, scope);
  runDeferredChecks(context);
}

/** Runs the checks that were deferred until the types of the function are known, first those of patterns of an undecided type. */
function runDeferredChecks(context: Context): void {
  for (const recheck of context.patternRechecks.splice(0)) recheck();
  for (const check of context.deferredChecks.splice(0)) check();
}

/** Checks a program. Mistakes in the program are added to `diagnostics` and never thrown. */
export function checkProgram(source: SourceFile, resolve: Resolver, registry: CapabilityRegistry): CheckedProgram {
  const loaded = loadUnits(source, resolve);
  const root = loaded.at(-1);
  if (root === undefined) throw new BorunaError("internal", "no file was loaded");
  const units = loaded.map((l) => l.unit);
  const moduleNames = moduleNaming(units, root.unit);
  const records = builtinRecords(moduleNames.builtin);
  const sourceBuiltins = new Map<string, Callable>();
  const uncheckedBuiltins: { readonly callable: Callable; readonly unit: Unit }[] = [];
  const declareSourceBuiltin = (builtin: BuiltinDecl): Callable => {
    const existing = sourceBuiltins.get(builtin.name);
    if (existing !== undefined) return existing;
    const unit = makeUnit({ name: `builtin:${builtin.name}`, text: builtin.source ?? "" });
    const [first, ...others] = declareUnit(context, { unit, imports: [] }, moduleNames.builtin);
    if (first === undefined) throw new BorunaError("internal", `the builtin ${builtin.name} has no function`);
    sourceBuiltins.set(builtin.name, first);
    for (const callable of [first, ...others]) uncheckedBuiltins.push({ callable, unit });
    builtinUnits.push(unit);
    return first;
  };
  const builtinUnits: Unit[] = [];
  const context = new Context(registry, declareSourceBuiltin, records);
  fillRecords(context, records);

  const result = (functions: readonly Callable[], tests: readonly CheckedTest[]): CheckedProgram => ({
    root: root.unit,
    units,
    functions,
    tests,
    diagnostics: units.flatMap((u) => u.diagnostics.sorted()),
  });
  // After a syntax error, items are missing from the tree. Do not report names that are unknown only because of that.
  if (units.some((u) => u.diagnostics.hasErrors)) return result([], []);
  const declaredUnits = loaded.map((l) => ({
    unit: l.unit,
    functions: declareUnit(context, l, l === root ? moduleNames.root : moduleNames.imported),
  }));
  const tests: CheckedTest[] = [];
  for (const { unit, functions } of declaredUnits) {
    for (const callable of functions) checkBody(context, callable, unit);
    for (const item of unit.parsed.items) {
      if (item.kind !== "test") continue;
      const test = checkTest(context, unit, item);
      runDeferredChecks(context);
      if (unit === root.unit) tests.push(test);
    }
  }
  for (let next = uncheckedBuiltins.shift(); next !== undefined; next = uncheckedBuiltins.shift())
    checkBody(context, next.callable, next.unit);
  checkEffects(context);
  const builtinError = builtinUnits.flatMap((u) => u.diagnostics.sorted().filter((d) => d.severity === "error"))[0];
  if (builtinError !== undefined) throw new BorunaError("internal", `${builtinError.file}: ${builtinError.message}`);
  return result(declaredUnits.at(-1)?.functions ?? [], tests);
}
