/** Holds each function's row against what its body does: E007 with the call path, W001 for what is never used. */
import type { Context } from "./check/context.ts";
import type { Fix } from "./diagnostics.ts";
import { insertEffectRow } from "./insert-edits.ts";
import type { Callable } from "./ir.ts";
import type { FunctionScope, Unit, CapabilityUse } from "./scope.ts";

const MAX_PATH = 12;

/** The functions on the way from a use to the call of the capability itself. */
function pathOf(context: Context, use: CapabilityUse, capability: string): string {
  const names: string[] = [];
  const seen = new Set<Callable>();
  for (let via = use.via; via !== null && !seen.has(via) && names.length < MAX_PATH; ) {
    names.push(via.name);
    seen.add(via);
    const next: CapabilityUse | undefined = context.scopes.get(via)?.uses.get(capability);
    via = next?.via ?? null;
  }
  return [...names, capability].join(" → ");
}

/** Adds the capability to the row, or the row to the function. */
function fixFor(scope: FunctionScope, capability: string): readonly Fix[] {
  const { item } = scope.callable;
  if (item === null || scope.unit.diagnostics.full) return [];
  const row = `!{${[...new Set([...scope.callable.row, capability])].sort().join(", ")}}`;
  const edits = item.row === null ? insertEffectRow(scope.unit, item, row) : [{ span: item.row.span, text: row }];
  return [{ title: `declare \`${capability}\``, edits }];
}

/** Where each file has errors so far. */
function errorPlaces(context: Context): ReadonlyMap<Unit, readonly number[]> {
  const places = new Map<Unit, readonly number[]>();
  for (const { unit } of context.scopes.values()) {
    if (places.has(unit)) continue;
    const errors = unit.diagnostics.sorted().filter((d) => d.severity === "error");
    places.set(
      unit,
      errors.map((d) => d.span.start),
    );
  }
  return places;
}

export function checkEffects(context: Context): void {
  /** A caller that declares it for a callee which forgot to is not to be told that it never uses it. */
  const undeclared = new Set<string>();
  for (const [callable, scope] of context.scopes) {
    for (const capability of scope.uses.keys()) if (!callable.row.includes(capability)) undeclared.add(capability);
  }
  const errors = errorPlaces(context);
  for (const [callable, scope] of context.scopes) {
    for (const [capability, use] of scope.uses) {
      if (callable.row.includes(capability)) continue;
      const path = use.via === null ? "" : ` (${[callable.name, pathOf(context, use, capability)].join(" → ")})`;
      scope.unit.diagnostics.error("E007", use.span, `\`${callable.name}\` does not declare the capability \`${capability}\`${path}`, {
        help: `a function's row names all it may do: \`!{${[...callable.row, capability].sort().join(", ")}}\``,
        fixes: fixFor(scope, capability),
      });
    }
    const { item } = callable;
    // What could not be understood may be the use that is missing.
    if (item === null || errors.get(scope.unit)?.some((at) => at >= item.body.span.start && at < item.body.span.end) === true) continue;
    for (const written of item.row?.names ?? []) {
      const name = callable.row.find((c) => c === written.text);
      if (name !== undefined && !scope.uses.has(name) && !undeclared.has(name)) {
        scope.unit.diagnostics.warning("W001", written.span, `\`${callable.name}\` declares \`${name}\` but never uses it`, {
          help: "take it out of the row, so that the signature says what the function can touch",
        });
      }
    }
  }
}
