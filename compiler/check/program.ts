/** Checks a whole program: loads, declares, checks every body, then the effects. */
import { BUILTIN_RECORDS } from "../../vm/builtins/builtin-table.ts";
import type { BuiltinDecl } from "../../vm/builtins/decl.ts";
import type { CapabilityRegistry } from "../../vm/capabilities.ts";
import { BorunaError } from "../../vm/error.ts";
import { parseType } from "../../vm/value/type.ts";
import type { Clause } from "../ast.ts";
import { declareUnit, type ModuleNames } from "../declare.ts";
import type { Diagnostic } from "../diagnostics.ts";
import { checkEffects } from "../effect-rows.ts";
import type { Callable, CheckedClause, Local, SourceUnit } from "../ir.ts";
import { FunctionScope, type Unit } from "../scope.ts";
import { BOOL, type ParamType, type TypeDecl, UNIT_TYPE } from "../check-types.ts";
import { loadUnits, makeUnit, type Resolver } from "../load-units.ts";
import { Context } from "./context.ts";
import { ExpressionChecker } from "./expressions.ts";
import { checkTest, type CheckedTest } from "./tests.ts";

export interface CheckedProgram {
  readonly root: Unit;
  readonly units: readonly Unit[];
  /** Functions of the root file, in order; others are reached from them. */
  readonly functions: readonly Callable[];
  /** Tests of the root file, in order. */
  readonly tests: readonly CheckedTest[];
  readonly diagnostics: readonly Diagnostic[];
}

/** The records that builtins make, as declarations. */
function builtinRecords(moduleNames: ModuleNames): ReadonlyMap<string, TypeDecl> {
  const decls = new Map<string, TypeDecl>();
  for (const { name, params: names } of BUILTIN_RECORDS) {
    const params = names.map((param): ParamType => ({ kind: "param", name: param }));
    const moduleName = moduleNames(name);
    decls.set(name, { name, kind: "record", moduleName, declaredIn: null, params, fields: [], variants: [] });
  }
  return decls;
}

/** The names of the types that a file declares. */
const typeNames = ({ parsed }: Unit): readonly string[] =>
  parsed.items.flatMap((item) => (item.kind === "record" || item.kind === "enum" ? [item.name.text] : []));

/**
 * Types are shown by their names in the module. The root file's have the names that it gives them, those of imported
 * files come next, the records of builtins last: the later ones take a number.
 */
function namesOfTypes(units: readonly Unit[], root: Unit): Readonly<Record<"root" | "imported" | "builtin", ModuleNames>> {
  const taken = new Set<string>();
  const leaving =
    (reserved: ReadonlySet<string>): ModuleNames =>
    (name) => {
      let free = name;
      for (let n = 2; taken.has(free) || reserved.has(free); n++) free = `${name}.${n}`;
      taken.add(free);
      return free;
    };
  return {
    root: leaving(new Set()),
    imported: leaving(new Set(typeNames(root))),
    builtin: leaving(new Set(units.flatMap(typeNames))),
  };
}

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

function checkClauses(x: ExpressionChecker, clauses: readonly Clause[]): readonly CheckedClause[] {
  x.scope.inContract = true;
  const checked = clauses.map((c) => ({ condition: x.check(c.condition, BOOL, "a contract"), text: c.text, span: c.span }));
  x.scope.inContract = false;
  return checked;
}

function checkBody(context: Context, callable: Callable, unit: Unit): void {
  const { item } = callable;
  if (item === null) return;
  const scope = new FunctionScope(unit, callable, callable.result, null);
  const x = new ExpressionChecker(scope, context);
  const params = item.params.map((p, i): Local => {
    const local: Local = { name: p.name.text, type: callable.params[i] ?? UNIT_TYPE, mutable: false, span: p.name.span, used: true };
    scope.declare(local);
    return local;
  });
  const requires = checkClauses(x, item.requires);
  const value = x.block(item.body, callable.result, `the result of \`${callable.name}\``);
  scope.enter();
  const result: Local | null =
    item.ensures.length === 0 ? null : { name: "result", type: callable.result, mutable: false, span: item.name.span, used: true };
  if (result !== null) scope.declare(result);
  scope.ensured = result;
  const ensures = checkClauses(x, item.ensures);
  scope.leave();
  callable.body = { params, requires, ensures, result, value, intent: item.intent };
  context.scopes.set(callable, scope);
  settle(context);
}

/** What had to wait until the function's types were known. */
function settle(context: Context): void {
  for (const late of context.waiting.splice(0)) late();
  for (const late of context.deferred.splice(0)) late();
}

/** Never throws for a program's mistakes: they are in `diagnostics`. */
export function checkProgram(source: SourceUnit, resolve: Resolver, registry: CapabilityRegistry): CheckedProgram {
  const loaded = loadUnits(source, resolve);
  const root = loaded.at(-1);
  if (root === undefined) throw new BorunaError("internal", "no file was loaded");
  const units = loaded.map((l) => l.unit);
  const moduleNames = namesOfTypes(units, root.unit);
  const records = builtinRecords(moduleNames.builtin);
  const written = new Map<string, Callable>();
  const pending: { readonly callable: Callable; readonly unit: Unit }[] = [];
  const declareWritten = (builtin: BuiltinDecl): Callable => {
    const known = written.get(builtin.name);
    if (known !== undefined) return known;
    const unit = makeUnit({ name: `builtin:${builtin.name}`, text: builtin.source ?? "" });
    const [first, ...others] = declareUnit(context, { unit, imports: [] }, moduleNames.builtin);
    if (first === undefined) throw new BorunaError("internal", `the builtin ${builtin.name} has no function`);
    written.set(builtin.name, first);
    for (const callable of [first, ...others]) pending.push({ callable, unit });
    builtinUnits.push(unit);
    return first;
  };
  const builtinUnits: Unit[] = [];
  const context = new Context(registry, declareWritten, records);
  fillRecords(context, records);

  const result = (functions: readonly Callable[], tests: readonly CheckedTest[]): CheckedProgram => ({
    root: root.unit,
    units,
    functions,
    tests,
    diagnostics: units.flatMap((u) => u.diagnostics.sorted()),
  });
  // What could not be read is missing from the tree: errors about names would only follow from that.
  if (units.some((u) => u.diagnostics.hasErrors)) return result([], []);
  const declared = loaded.map((l) => ({
    unit: l.unit,
    functions: declareUnit(context, l, l === root ? moduleNames.root : moduleNames.imported),
  }));
  const tests: CheckedTest[] = [];
  for (const { unit, functions } of declared) {
    for (const callable of functions) checkBody(context, callable, unit);
    for (const item of unit.parsed.items) {
      if (item.kind !== "test") continue;
      const test = checkTest(context, unit, item);
      settle(context);
      if (unit === root.unit) tests.push(test);
    }
  }
  for (let next = pending.shift(); next !== undefined; next = pending.shift()) checkBody(context, next.callable, next.unit);
  checkEffects(context);
  const broken = builtinUnits.flatMap((u) => u.diagnostics.sorted().filter((d) => d.severity === "error"))[0];
  if (broken !== undefined) throw new BorunaError("internal", `${broken.file}: ${broken.message}`);
  return result(declared.at(-1)?.functions ?? [], tests);
}
