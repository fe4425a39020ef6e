/**
 * Compares each function's effect row with the capabilities that its body uses. E007 reports a capability that the row
 * lacks, with the path of calls to it. W001 warns of a capability that is never used. Nothing is inferred across
 * functions: a call is treated as a use of every capability in the row of its callee.
 */
import type { Context } from "./check/context.ts";
import type { Fix } from "./diagnostics.ts";
import { insertEffectRow } from "./insert-edits.ts";
import type { Callable } from "./ir.ts";
import type { CapabilityUse, FunctionScope, Unit } from "./scope.ts";

/** Maximum number of functions shown in a path. */
const MAX_PATH_LENGTH = 12;

/** Returns the path of calls from a use to the capability itself: `get → fetch_all → net.fetch`. */
function pathOf(context: Context, use: CapabilityUse, capability: string): string {
  const names: string[] = [];
  const visited = new Set<Callable>();
  for (let via = use.via; via !== null && !visited.has(via) && names.length < MAX_PATH_LENGTH; ) {
    names.push(via.name);
    visited.add(via);
    const next: CapabilityUse | undefined = context.scopes.get(via)?.uses.get(capability);
    via = next?.via ?? null;
  }
  return [...names, capability].join(" → ");
}

/** Returns a fix that adds the capability to the effect row. If the function has no row, the fix inserts one. */
function fixFor(scope: FunctionScope, capability: string): readonly Fix[] {
  const { item } = scope.callable;
  if (item === null || scope.unit.diagnostics.isFull) return [];
  const row = `!{${[...new Set([...scope.callable.row, capability])].sort().join(", ")}}`;
  const edits = item.row === null ? insertEffectRow(scope.unit, item, row) : [{ span: item.row.span, text: row }];
  return [{ title: `declare \`${capability}\``, edits }];
}

/** Returns the offsets of the errors reported so far, for each file. */
function errorOffsets(context: Context): ReadonlyMap<Unit, readonly number[]> {
  const offsets = new Map<Unit, readonly number[]>();
  for (const { unit } of context.scopes.values()) {
    if (offsets.has(unit)) continue;
    const errors = unit.diagnostics.sorted().filter((d) => d.severity === "error");
    offsets.set(
      unit,
      errors.map((d) => d.span.start),
    );
  }
  return offsets;
}

/** Reports E007 and W001 for all functions of the program. */
export function checkEffects(context: Context): void {
  /**
   * Capabilities that at least one row lacks. W001 is not reported for these capabilities, because a caller may declare one
   * that its callee uses but does not declare.
   */
  const undeclared = new Set<string>();
  for (const [callable, scope] of context.scopes) {
    for (const capability of scope.uses.keys()) if (!callable.row.includes(capability)) undeclared.add(capability);
  }
  const errors = errorOffsets(context);
  for (const [callable, scope] of context.scopes) {
    for (const [capability, use] of scope.uses) {
      if (callable.row.includes(capability)) continue;
      const path = use.via === null ? "" : ` (${[callable.name, pathOf(context, use, capability)].join(" → ")})`;
      scope.unit.diagnostics.error("E007", use.span, `\`${callable.name}\` does not declare the capability \`${capability}\`${path}`, {
        help: `the row of a function names every capability that it may use: \`!{${[...callable.row, capability].sort().join(", ")}}\``,
        fixes: fixFor(scope, capability),
      });
    }
    const { item } = callable;
    // A body with errors may use the capability in a part that could not be checked.
    if (item === null || errors.get(scope.unit)?.some((offset) => offset >= item.body.span.start && offset < item.body.span.end) === true)
      continue;
    for (const rowName of item.row?.names ?? []) {
      const name = callable.row.find((c) => c === rowName.text);
      if (name !== undefined && !scope.uses.has(name) && !undeclared.has(name)) {
        scope.unit.diagnostics.warning("W001", rowName.span, `\`${callable.name}\` declares \`${name}\` but never uses it`, {
          help: "remove it from the row, so that the signature says what the function can do",
        });
      }
    }
  }
}
