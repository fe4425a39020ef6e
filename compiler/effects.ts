/** Holds each function's row against what its body does: E007 with the call path, W001 for what is never used. */
import type { Context } from "./check/context.ts";
import type { Fix } from "./diagnostics.ts";
import type { Callable } from "./ir.ts";
import type { FunctionScope, Use } from "./scope.ts";

const MAX_PATH = 12;

/** The functions on the way from a use to the call of the capability itself. */
function pathOf(context: Context, use: Use, capability: string): string {
  const names: string[] = [];
  const seen = new Set<Callable>();
  for (let via = use.via; via !== null && !seen.has(via) && names.length < MAX_PATH; ) {
    names.push(via.name);
    seen.add(via);
    const next: Use | undefined = context.scopes.get(via)?.uses.get(capability);
    via = next?.via ?? null;
  }
  return [...names, capability].join(" → ");
}

/** Adds the capability to the row, where there is one place to do so. */
function fixFor(scope: FunctionScope, capability: string): readonly Fix[] {
  const { item } = scope.callable;
  if (item === null) return [];
  const row = `!{${[...new Set([...scope.callable.row, capability])].sort().join(", ")}}`;
  const title = `declare \`${capability}\``;
  if (item.row !== null) return [{ title, edits: [{ span: item.row.span, text: row }] }];
  if (item.result !== null)
    return [{ title, edits: [{ span: { start: item.result.span.end, end: item.result.span.end }, text: ` ${row}` }] }];
  const plain = item.intent === null && item.requires.length === 0 && item.ensures.length === 0;
  return plain ? [{ title, edits: [{ span: { start: item.body.span.start, end: item.body.span.start }, text: `${row} ` }] }] : [];
}

export function checkEffects(context: Context): void {
  /** A caller that declares it for a callee which forgot to is not to be told that it never uses it. */
  const undeclared = new Set<string>();
  for (const [callable, scope] of context.scopes) {
    for (const capability of scope.uses.keys()) if (!callable.row.includes(capability)) undeclared.add(capability);
  }
  for (const [callable, scope] of context.scopes) {
    for (const [capability, use] of scope.uses) {
      if (callable.row.includes(capability)) continue;
      const path = use.via === null ? "" : ` (${[callable.name, pathOf(context, use, capability)].join(" → ")})`;
      context.error(scope.unit, "E007", use.span, `\`${callable.name}\` does not declare the capability \`${capability}\`${path}`, {
        help: `a function's row names all it may do: \`!{${[...callable.row, capability].sort().join(", ")}}\``,
        fixes: fixFor(scope, capability),
      });
    }
    const { item } = callable;
    for (const written of item?.row?.names ?? []) {
      const name = callable.row.find((c) => c === written.text);
      if (name !== undefined && !scope.uses.has(name) && !undeclared.has(name)) {
        context.warning(scope.unit, "W001", written.span, `\`${callable.name}\` declares \`${name}\` but never uses it`, {
          help: "take it out of the row, so that the signature says what the function can touch",
        });
      }
    }
  }
}
