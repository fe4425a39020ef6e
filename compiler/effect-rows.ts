/**
 * Compares each function's effect row with the capabilities that its body uses. E007 reports a capability that the row
 * lacks, with the path of calls to it. W001 warns of a capability that is never used. Nothing is inferred across
 * functions: a call is treated as a use of every capability in the row of its callee.
 */
import type { Diagnostics, Fix } from "./diagnostics.ts";
import { insertEffectRow } from "./insert-edits.ts";
import type { Callable } from "./ir.ts";
import { rowItemName, type RowItem, rowText } from "./rows.ts";
import type { CapabilityUse, FunctionScope, SourceUnit } from "./scope.ts";

/** Maximum number of functions shown in a path. */
const MAX_PATH_LENGTH = 12;

/** Returns the path of calls from a use to the capability itself: `get → fetch_all → net.fetch`. */
function pathOf(scopes: Scopes, use: CapabilityUse, item: RowItem): string {
  const names: string[] = [];
  const visited = new Set<Callable>();
  for (let via = use.via; via !== null && !visited.has(via) && names.length < MAX_PATH_LENGTH; ) {
    names.push(via.name);
    visited.add(via);
    const next: CapabilityUse | undefined = scopes.get(via)?.uses.get(item);
    via = next?.via ?? null;
  }
  return [...names, rowItemName(item)].join(" → ");
}

/** Returns a fix that adds an item to the effect row. If the function has no row, the fix inserts one. */
function fixFor(scope: FunctionScope, missing: RowItem): readonly Fix[] {
  const { item } = scope.callable;
  if (item === null || scope.unit.diagnostics.isFull) return [];
  const row = rowText([...scope.callable.row, missing]);
  const edits = item.row === null ? insertEffectRow(scope.unit, item, row) : [{ span: item.row.span, text: row }];
  return [{ title: `declare \`${rowItemName(missing)}\``, edits }];
}

/** Returns the offsets of the errors reported so far, for each file. */
function errorOffsets(scopes: Scopes): ReadonlyMap<SourceUnit, readonly number[]> {
  const offsets = new Map<SourceUnit, readonly number[]>();
  for (const { unit } of scopes.values()) {
    if (offsets.has(unit)) continue;
    const errors = unit.diagnostics.sorted().filter((d) => d.severity === "error");
    offsets.set(
      unit,
      errors.map((d) => d.span.start),
    );
  }
  return offsets;
}

/** The scopes of all checked functions of a program. */
type Scopes = ReadonlyMap<Callable, FunctionScope>;

/** Reports E007 and W001 for all functions of the program to the diagnostics of their units. */
export function checkEffects(scopes: Scopes, diagnosticsOf: (unit: SourceUnit) => Diagnostics = ({ diagnostics }) => diagnostics): void {
  /**
   * Capabilities that at least one row lacks. W001 is not reported for them: a caller may declare such a capability only because its
   * callee uses it and forgets to declare it.
   */
  const undeclared = new Set<RowItem>();
  for (const [callable, scope] of scopes) {
    for (const item of scope.uses.keys()) if (!callable.row.includes(item)) undeclared.add(item);
  }
  const errors = errorOffsets(scopes);
  for (const [callable, scope] of scopes) {
    for (const [used, use] of scope.uses) {
      if (callable.row.includes(used)) continue;
      const path = use.via === null ? "" : ` (${[callable.name, pathOf(scopes, use, used)].join(" → ")})`;
      const [what, all] = typeof used === "string" ? ["capability", "every capability"] : ["row variable", "everything"];
      diagnosticsOf(scope.unit).error(
        "E007",
        use.span,
        `\`${callable.name}\` does not declare the ${what} \`${rowItemName(used)}\`${path}`,
        {
          help: `the row of a function names ${all} that it may use: \`${rowText([...callable.row, used])}\``,
          fixes: fixFor(scope, used),
        },
      );
    }
    const { item } = callable;
    // A body with errors may use the capability in a part that could not be checked.
    if (
      item === null ||
      scope.body.hasError ||
      errors.get(scope.unit)?.some((offset) => offset >= item.body.span.start && offset < item.body.span.end) === true
    )
      continue;
    for (const rowName of item.row?.names ?? []) {
      const declared = callable.row.find((c) => rowItemName(c) === rowName.text);
      if (declared !== undefined && !scope.uses.has(declared) && !undeclared.has(declared)) {
        diagnosticsOf(scope.unit).warning("W001", rowName.span, `\`${callable.name}\` declares \`${rowName.text}\` but never uses it`, {
          help: "remove it from the row, so that the signature says what the function can do",
        });
      }
    }
  }
}
