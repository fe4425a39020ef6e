/**
 * Suggestions for unknown names. What a function name may mean is tried in this order: a builtin of the same module, a
 * function written with a module before it, a record, a variant, a function of a shipped library, a builtin of another
 * module, a word of another language, and last the nearest spelling.
 */
import { BUILTINS } from "../../vm/builtins/builtin-table.ts";
import type { Expr, Name, Span } from "../ast.ts";
import type { DiagnosticExtras, Edit } from "../diagnostics.ts";
import { builtinSpellings, hintForFunction, hintForValue } from "../other-languages.ts";
import { LIBRARY_FUNCTIONS } from "../libraries.ts";
import { type CheckedType, indexesByName, prune } from "../check-types.ts";
import type { FunctionChecker } from "./context.ts";
import { didYouMean, hintExtras, suggestNearest } from "./did-you-mean.ts";
import { importFix, libraryFunctionHint, unqualifiedNameHint } from "./library-hints.ts";

/** Whether the name is the first part of the names of builtins or capabilities: `string`, `net`. */
export function isModuleName(checker: FunctionChecker, name: string): boolean {
  const prefix = `${name}.`;
  return BUILTINS.some((b) => b.name.startsWith(prefix)) || checker.context.registry.all.some((c) => c.name.startsWith(prefix));
}

/** The module of the builtins that take a value of the type as their first argument: `list` for List<T>. */
function moduleOf(type: CheckedType): string | undefined {
  const t = prune(type);
  return t.kind === "builtin" || (t.kind === "primitive" && t.name !== "Unit" && t.name !== "ActorId") ? t.name.toLowerCase() : undefined;
}

/** The full names of the builtins whose last part is the given one or a synonym of it. With `module`, only those of that module. */
function builtinsNamed(part: string, module: string | undefined): readonly string[] {
  for (const spelling of builtinSpellings(part)) {
    const all = BUILTINS.map((b) => b.name).filter((name) => name.endsWith(`.${spelling}`));
    const own = all.filter((name) => name === `${module}.${spelling}`);
    if (own.length > 0) return own;
    if (all.length > 0 && module === undefined) return all;
  }
  return [];
}

/** The builtins of the module, or of all modules if it has none. */
const builtinsLike = (part: string, module: string | undefined): readonly string[] => {
  const own = builtinsNamed(part, module);
  return own.length > 0 ? own : builtinsNamed(part, undefined);
};

/** The names in backquotes, with "or" before the last. */
const quotedList = (names: readonly string[]): string =>
  names
    .map((name) => `\`${name}\``)
    .join(", ")
    .replace(/, (`[^`]+`)$/, " or $1");

/** Help for the name of a variant without its enum. */
function variantHint(checker: FunctionChecker, name: Name): DiagnosticExtras | undefined {
  for (const decl of checker.scope.unit.types.values()) {
    if (decl.kind === "enum" && indexesByName(decl.variants).has(name.text)) {
      const full = `${decl.name}::${name.text}`;
      const edits = [{ span: { start: name.span.start, end: name.span.start }, text: `${decl.name}::` }];
      return { help: `write \`${full}\`: a variant is named with its enum`, fixes: [{ title: `write \`${full}\``, edits }] };
    }
  }
  return undefined;
}

/** Reports a call to an unknown name. `first` is the type of the first argument, if there is one. */
export function reportUnknownFunction(checker: FunctionChecker, name: Name, first: CheckedType | undefined): void {
  checker.error("E004", name.span, `unknown function \`${name.text}\``, suggestFunction(checker, name, first));
}

/** Empty once the diagnostics are full: searching all names for each unknown one would take quadratic time. */
function suggestFunction(checker: FunctionChecker, name: Name, first: CheckedType | undefined): DiagnosticExtras {
  const { scope, context } = checker;
  if (scope.unit.diagnostics.isFull) return {};
  const [module, part] = name.text.split(".");
  if (module !== undefined && part !== undefined) {
    const [same] = builtinsNamed(part, module);
    if (same !== undefined) return didYouMean(name, same);
    const alone = unqualifiedNameHint(scope.unit, name, part, true);
    if (alone !== undefined) return alone;
  } else {
    const decl = context.typeNamed(scope.unit, name.text);
    if (decl?.kind === "record")
      return { help: `\`${name.text}\` is a record: write \`${name.text} { ${decl.fields.map((f) => `${f.name}: …`).join(", ")} }\`` };
    const variant = variantHint(checker, name) ?? libraryFunctionHint(scope.unit, name.text);
    if (variant !== undefined) return variant;
    const found = builtinsLike(name.text, first === undefined ? undefined : moduleOf(first));
    if (found.length === 1) return didYouMean(name, found[0]);
    if (found.length > 1) return { help: `did you mean ${quotedList(found)}?` };
  }
  const other = hintExtras(name, hintForFunction(name.text));
  if (other !== undefined) return other;
  const all = (): string[] => [
    ...scope.names(),
    ...scope.unit.functions.keys(),
    ...BUILTINS.flatMap((b) => [b.name, ...b.oldNames]),
    ...context.registry.all.filter((c) => c.internal === undefined).map((c) => c.name),
  ];
  return suggestNearest(scope.unit, name, all);
}

/** Reports a name that is not a value. */
export function reportUnknownVariable(checker: FunctionChecker, name: Name): void {
  const { scope, context } = checker;
  const decl = context.typeNamed(scope.unit, name.text);
  if (decl !== undefined) {
    const help =
      decl.kind === "enum"
        ? `a value of it is one of its variants, \`${decl.name}::${decl.variants[0]?.name ?? "…"}\``
        : `a value of it is written \`${decl.name} { … }\`, in parentheses in the head of \`if\`, \`while\`, \`match\` and \`for\``;
    checker.error("E003", name.span, `\`${name.text}\` is a type, not a value`, { help });
  } else checker.error("E003", name.span, `unknown variable \`${name.text}\``, suggestVariable(checker, name));
}

function suggestVariable(checker: FunctionChecker, name: Name): DiagnosticExtras {
  const { scope } = checker;
  if (scope.unit.diagnostics.isFull) return {};
  const [module, part] = name.text.split(".");
  const alone = module === undefined || part === undefined ? undefined : unqualifiedNameHint(scope.unit, name, part, false);
  const suggested = alone ?? hintExtras(name, hintForValue(name.text)) ?? variantHint(checker, name);
  if (suggested !== undefined) return suggested;
  const lower = name.text.toLowerCase();
  if (lower !== name.text && isModuleName(checker, lower)) return didYouMean(name, lower);
  const more = suggestNearest(scope.unit, name, () => [
    ...scope.names(),
    ...scope.unit.functions.keys(),
    ...(part === undefined ? ["true", "false"] : BUILTINS.map((b) => b.name)),
  ]);
  if (more.help !== undefined) return more;
  const exported = libraryFunctionHint(scope.unit, name.text);
  if (exported !== undefined) return exported;
  const called = builtinsNamed(name.text, undefined);
  if (called.length > 0) return { help: `did you mean ${quotedList(called)}?` };
  const other = hintForFunction(name.text);
  if (other !== undefined) return { help: other.help };
  if (!isModuleName(checker, name.text)) return {};
  return { help: `\`${name.text}\` is the first part of names like \`${name.text}.…\`` };
}

/**
 * Help for `value.name` or `value.name(…)` if the type has no such field: the function that was probably meant, with the
 * value as its first argument. `span` is the span of the whole access or call.
 */
export function suggestFunctionForMethod(
  checker: FunctionChecker,
  type: CheckedType,
  name: Name,
  span: Span,
  call: readonly Expr[] | null,
): DiagnosticExtras | undefined {
  const { unit } = checker.scope;
  const own = call !== null && unit.functions.has(name.text) ? name.text : undefined;
  const module = moduleOf(type);
  const builtin = own ?? (module === undefined ? undefined : builtinsNamed(name.text, module)[0]);
  const library = builtin === undefined && call !== null ? LIBRARY_FUNCTIONS.get(name.text) : undefined;
  const target = library === undefined ? builtin : name.text;
  if (target === undefined) {
    if (call === null || module === undefined) return undefined;
    return { help: `there are no methods: a function takes the value as an argument, as \`${module}.…(value)\` does` };
  }
  const dot = unit.text.lastIndexOf(".", name.span.start);
  const open = call === null ? -1 : unit.text.indexOf("(", name.span.end);
  const after = call === null ? ")" : call.length > 0 ? ", " : "";
  const edits: readonly Edit[] = [
    { span: { start: span.start, end: span.start }, text: `${target}(` },
    { span: { start: dot, end: open < 0 ? name.span.end : open + 1 }, text: after },
  ];
  const value = unit.text.slice(span.start, dot).trim();
  const short = value.length <= 40 && !value.includes("\n") ? value : "value";
  const shown = `${target}(${short}${call === null || call.length === 0 ? "" : ", …"})`;
  const help = `there are no methods: write \`${shown}\``;
  if (library === undefined) return { help, fixes: [{ title: `write \`${shown}\``, edits }] };
  return { help: `${help}, with \`import "${library}"\` at the top`, fixes: [importFix(unit, library, edits)] };
}
