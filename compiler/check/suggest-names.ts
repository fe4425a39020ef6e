/**
 * Makes suggestions for unknown names. For `module.name` it tries a builtin of that module with the same meaning, and then a function
 * `name` without a module. For a plain `name` it tries a record, a variant, a function of a shipped library, and then a builtin. In
 * both cases it then tries words of other languages, and finally the nearest spelling.
 */
import { BUILTIN_BY_NAME, BUILTINS } from "../../vm/builtins/builtin-table.ts";
import type { Expr, Name, Span } from "../ast.ts";
import type { DiagnosticExtras, Edit } from "../diagnostics.ts";
import { builtinSpellings, hintForFunction, hintForValue } from "../other-languages.ts";
import { callNote, moduleFor, rewrittenCall, rewrittenMethod } from "../other-languages-calls.ts";
import { LIBRARY_FUNCTIONS } from "../libraries.ts";
import { type CheckedType, prune, showType, type TypeDecl } from "../check-types.ts";
import { indexByName } from "../index-by-name.ts";
import { callHint, rewriteExtras, sourceOf } from "./call-rewrites.ts";
import type { FunctionScope } from "../scope.ts";
import type { FunctionChecker } from "./context.ts";
import { didYouMean, hintExtras, suggestNearest } from "./did-you-mean.ts";
import { importFix, libraryFunctionHint, unqualifiedNameHint } from "./library-hints.ts";

/** Returns whether the name is the first part of the names of builtins or capabilities, like `string` and `net`. */
export function isModuleName(checker: FunctionChecker, name: string): boolean {
  const prefix = `${name}.`;
  return BUILTINS.some((b) => b.name.startsWith(prefix)) || checker.context.registry.all.some((c) => c.name.startsWith(prefix));
}

/** Returns the module of the builtins that take a value of the type as their first argument: `list` for List<T>. */
function moduleOf(type: CheckedType): string | undefined {
  // `prune` follows bound type variables.
  const t = prune(type);
  return t.kind === "builtin" || (t.kind === "primitive" && t.name !== "Unit" && t.name !== "ActorId") ? t.name.toLowerCase() : undefined;
}

/**
 * Returns the full names of the builtins whose last part is `part`. If there are none, tries the synonyms of `part` one after
 * another. If `module` is given, returns only builtins of that module.
 */
function builtinsNamed(part: string, module: string | undefined): readonly string[] {
  for (const spelling of builtinSpellings(part)) {
    const all = BUILTINS.map((b) => b.name).filter((name) => name.endsWith(`.${spelling}`));
    const ofModule = all.filter((name) => name === `${module}.${spelling}`);
    if (ofModule.length > 0) return ofModule;
    if (all.length > 0 && module === undefined) return all;
  }
  return [];
}

/** Returns the builtins of the module whose last part is `part`. If there are none, returns those of all modules. */
const builtinsLike = (part: string, module: string | undefined): readonly string[] => {
  const ofModule = builtinsNamed(part, module);
  return ofModule.length > 0 ? ofModule : builtinsNamed(part, undefined);
};

/** Returns the names in backquotes, separated by commas and with "or" before the last one. */
const quotedList = (names: readonly string[]): string =>
  names
    .map((name) => `\`${name}\``)
    .join(", ")
    .replace(/, (`[^`]+`)$/, " or $1");

/** Returns help for the name of a variant that is written without its enum. */
function variantHint(checker: FunctionChecker, name: Name): DiagnosticExtras | undefined {
  for (const decl of checker.scope.unit.types.values()) {
    if (decl.kind === "enum" && indexByName(decl.variants, name.text) >= 0) {
      const fullName = `${decl.name}::${name.text}`;
      const edits = [{ span: { start: name.span.start, end: name.span.start }, text: `${decl.name}::` }];
      return { help: `write \`${fullName}\`: a variant is named with its enum`, fixes: [{ title: `write \`${fullName}\``, edits }] };
    }
  }
  return undefined;
}

/** Reports a call to an unknown name. `firstType` is the type of the first argument, if there is one. */
export function reportUnknownFunction(
  checker: FunctionChecker,
  name: Name,
  call: Expr & { kind: "call" },
  firstType: CheckedType | undefined,
): void {
  if (reportOwnValue(checker, "E004", name) || checker.scope.mayBeInDamagedText(name.text)) return;
  checker.error("E004", name.span, `unknown function \`${name.text}\``, suggestFunction(checker, name, call, firstType));
}

/** Returns help for the call of a record, `P(1, 2)`. */
function recordHint({ scope }: FunctionChecker, decl: TypeDecl, call: Expr & { kind: "call" }): DiagnosticExtras {
  const literal = (values: readonly string[]): string =>
    `${decl.name} { ${decl.fields.map((f, i) => `${f.name}: ${values[i] ?? "…"}`).join(", ")} }`;
  const edits = [{ span: call.span, text: literal(call.args.map((arg) => sourceOf(scope.unit, arg))) }];
  const help = `\`${decl.name}\` is a record: write \`${literal([])}\``;
  return { help, fixes: call.args.length === decl.fields.length ? [{ title: `write \`${literal([])}\``, edits }] : [] };
}

/** Reports the use of a name in the value of its own `let`. Returns whether it did. */
function reportOwnValue(checker: FunctionChecker, code: "E003" | "E004", name: Name): boolean {
  const ownValue = checker.scope.inOwnValue(name.text);
  if (ownValue === undefined) return false;
  checker.error(code, name.span, `\`${name.text}\` is not in scope in its own value`, {
    help: ownValue.inLambda
      ? `a lambda cannot call itself: declare a function, \`fn ${name.text}(…) { … }\``
      : `give the variable a value first, \`let mut ${name.text} = …\`, and assign the next one`,
  });
  return true;
}

/** Returns help for an unknown function; none once the diagnostics are full, because a search of all names each time would be slow. */
function suggestFunction(
  checker: FunctionChecker,
  name: Name,
  call: Expr & { kind: "call" },
  firstType: CheckedType | undefined,
): DiagnosticExtras {
  const { scope, context } = checker;
  if (scope.unit.diagnostics.isFull) return {};
  const { start, end } = scope.body.span;
  if (scope.unit.text.slice(start, end).includes(`fn ${name.text}(`))
    return { help: `\`${name.text}\` is a local function: it is known after its declaration, to the end of that block` };
  const [module, part] = name.text.split(".");
  const otherModule = module === undefined || part === undefined ? undefined : moduleFor(module);
  const hint =
    callHint(scope.unit, name.text, call.args, call.span) ??
    (otherModule === undefined ? undefined : callHint(scope.unit, `${otherModule}.${part}`, call.args, call.span));
  if (hint?.fixes !== undefined) return hint;
  if (module !== undefined && part !== undefined) {
    const [builtin] = builtinsNamed(part, module);
    if (builtin !== undefined) return didYouMean(name, builtin);
    if (hint !== undefined) return hint;
    if (otherModule !== undefined && otherModule !== module) {
      // `Math.max` is `int.max` or `float.max`.
      const numberModule = otherModule === "float" && firstType !== undefined && showType(firstType) === "Int" ? "int" : otherModule;
      const [other] = [...builtinsNamed(part, numberModule), ...builtinsNamed(part, otherModule)];
      if (other !== undefined) return didYouMean(name, other);
    }
    const partHint = unqualifiedNameHint(scope.unit, name, part, { isCalled: true });
    if (partHint !== undefined) return partHint;
  } else {
    const decl = context.typeNamed(scope.unit, name.text);
    if (decl?.kind === "record") return recordHint(checker, decl, call);
    const emptyHint = call.args.length === 0 ? hintExtras(name, hintForFunction(name.text)) : undefined;
    if (emptyHint !== undefined) return emptyHint;
    if (hint !== undefined) return hint;
    const nameHint = variantHint(checker, name) ?? libraryFunctionHint(scope.unit, name.text);
    if (nameHint !== undefined) return nameHint;
    const candidates = builtinsLike(name.text, firstType === undefined ? undefined : moduleOf(firstType));
    if (candidates.length === 1) return didYouMean(name, candidates[0]);
    if (candidates.length > 1) return { help: `did you mean ${quotedList(candidates)}?` };
  }
  const languageHint = hintExtras(name, hintForFunction(name.text));
  if (languageHint !== undefined) return languageHint;
  const all = (): string[] => [
    ...scope.names(),
    ...scope.unit.functions.keys(),
    ...BUILTINS.flatMap((b) => [b.name, ...b.oldNames]),
    ...context.registry.all.filter((c) => c.internal === undefined).map((c) => c.name),
  ];
  return suggestNearest(scope.unit, name, all);
}

/** Returns help for `Vec::new()`, `f64::sqrt(x)`, `i64::MAX` and the like, where no type of the program has the name before `::`. */
export function suggestPath({ scope }: FunctionChecker, expr: Expr & { kind: "variant" }): DiagnosticExtras | undefined {
  const args = expr.payload?.kind === "args" ? expr.payload.args : [];
  const module = moduleFor(expr.enum.text) ?? expr.enum.text;
  const name = { text: `${module}.${expr.variant.text}`, span: { start: expr.enum.span.start, end: expr.variant.span.end } };
  if (expr.payload === null) return hintExtras(name, hintForValue(name.text));
  const hint =
    callHint(scope.unit, `${expr.enum.text}::${expr.variant.text}`, args, expr.span) ?? callHint(scope.unit, name.text, args, expr.span);
  if (hint !== undefined) return hint;
  const [builtin] = builtinsNamed(expr.variant.text, module);
  return builtin === undefined ? undefined : didYouMean(name, builtin);
}

/** Reports a name that does not refer to a value. */
export function reportUnknownVariable(checker: FunctionChecker, name: Name): void {
  const { scope, context } = checker;
  const decl = context.typeNamed(scope.unit, name.text);
  if (decl !== undefined) {
    const help =
      decl.kind === "enum"
        ? `a value of it is one of its variants, \`${decl.name}::${decl.variants[0]?.name ?? "…"}\``
        : `a value of it is written \`${decl.name} { ${decl.fields.map((f) => `${f.name}: …`).join(", ")} }\`, in parentheses in the head of \`if\`, \`while\`, \`match\` and \`for\``;
    checker.error("E003", name.span, `\`${name.text}\` is a type, not a value`, { help });
  } else if (!reportOwnValue(checker, "E003", name) && !scope.mayBeInDamagedText(name.text))
    checker.error("E003", name.span, `unknown variable \`${name.text}\``, suggestVariable(checker, name));
}

/** Returns help for an assignment to an unknown variable: the variable that was probably meant, or its declaration. */
export function suggestDeclaration(scope: FunctionScope, name: Name): DiagnosticExtras {
  const nearestHint = suggestNearest(scope.unit, name, () => scope.names());
  if (nearestHint.help !== undefined) return nearestHint;
  const { start } = name.span;
  const edits = [{ span: { start, end: start }, text: "let mut " }];
  return { help: `declare it: \`let mut ${name.text} = …\``, fixes: [{ title: "declare it with `let mut`", edits }] };
}

/** Returns help for an unknown variable. */
function suggestVariable(checker: FunctionChecker, name: Name): DiagnosticExtras {
  const { scope } = checker;
  if (scope.unit.diagnostics.isFull) return {};
  const [module, part] = name.text.split(".");
  const partHint =
    module === undefined || part === undefined ? undefined : unqualifiedNameHint(scope.unit, name, part, { isCalled: false });
  const firstHint = partHint ?? hintExtras(name, hintForValue(name.text)) ?? variantHint(checker, name);
  if (firstHint !== undefined) return firstHint;
  const lower = name.text.toLowerCase();
  if (lower !== name.text && isModuleName(checker, lower)) return didYouMean(name, lower);
  const nearestHint = suggestNearest(scope.unit, name, () => [
    ...scope.names(),
    ...scope.unit.functions.keys(),
    ...(part === undefined ? ["true", "false"] : BUILTINS.map((b) => b.name)),
  ]);
  if (nearestHint.help !== undefined) return nearestHint;
  const libraryHint = libraryFunctionHint(scope.unit, name.text);
  if (libraryHint !== undefined) return libraryHint;
  const builtins = builtinsNamed(name.text, undefined);
  if (builtins.length > 0) return { help: `did you mean ${quotedList(builtins)}?` };
  const languageHint = hintForFunction(name.text);
  if (languageHint !== undefined) return { help: languageHint.help };
  if (!isModuleName(checker, name.text)) return {};
  return { help: `\`${name.text}\` is the first part of names like \`${name.text}.…\`` };
}

/**
 * Returns the variable `xs` of `xs.push(1)` if the result of `list.push` should be assigned to it. That is so if the call is a complete
 * statement, and the builtin returns a changed copy of its first argument.
 */
function assignedVariable({ scope }: FunctionChecker, builtin: string, value: string, span: Span): string | undefined {
  const { text } = scope.unit;
  const type = BUILTIN_BY_NAME.get(builtin)?.type ?? "";
  const isChange = /^Fn\((\w+<.*?>|\w+)(?:, .*)?\) -> \1$/.test(type);
  const lineBefore = text.slice(text.lastIndexOf("\n", span.start) + 1, span.start);
  const isStatement = lineBefore.trim() === "" && /^[ \t;]*\n\s*[^}\s.]/.test(text.slice(span.end, span.end + 200));
  return isChange && isStatement && /^[A-Za-z_]\w*$/.test(value) ? value : undefined;
}

/**
 * Returns help for `value.name` or `value.name(…)` if the type has no such field. It suggests the function that was probably
 * meant, with the value as the first argument. `span` covers the whole access or call. `callArgs` holds the arguments of the
 * call; null if there is no call.
 */
export function suggestFunctionForMethod(
  checker: FunctionChecker,
  type: CheckedType,
  name: Name,
  span: Span,
  callArgs: readonly Expr[] | null,
): DiagnosticExtras | undefined {
  const { unit } = checker.scope;
  const fileFunction = callArgs !== null && unit.functions.has(name.text) ? name.text : undefined;
  const module = moduleOf(type);
  const receiver = unit.text.slice(span.start, name.span.start).replace(/\s*\.\s*$/, "");
  if (BUILTIN_BY_NAME.has(`${receiver}.${name.text}`))
    return { help: `\`${receiver}\` is a variable here, which hides the builtins \`${receiver}.…\`: give it another name` };
  const dot = unit.text.lastIndexOf(".", name.span.start);
  if (callArgs !== null && fileFunction === undefined) {
    const template = rewrittenMethod(module, name.text, callArgs);
    const texts = [unit.text.slice(span.start, dot).trim(), ...callArgs.map((arg) => sourceOf(unit, arg))];
    const note = module === undefined ? undefined : callNote(`${module}.${name.text}`);
    if (template !== undefined) {
      const extras = rewriteExtras(template, texts, span);
      return { ...extras, help: `${template === "$1" ? "values never change" : "there are no methods"}: ${extras.help ?? ""}` };
    }
    if (note !== undefined && module !== undefined && builtinsNamed(name.text, module).length === 0) return { help: note };
  }
  const builtin = fileFunction ?? (module === undefined ? undefined : builtinsNamed(name.text, module)[0]);
  const library = builtin === undefined && callArgs !== null ? LIBRARY_FUNCTIONS.get(name.text) : undefined;
  const target = library === undefined ? builtin : name.text;
  if (builtin !== undefined && fileFunction === undefined && callArgs !== null) {
    // A builtin of that meaning may take other arguments, such as `string.slice` for `s.substring(1)`.
    const template = rewrittenCall(builtin, callArgs, callArgs.length + 1);
    const texts = [unit.text.slice(span.start, dot).trim(), ...callArgs.map((arg) => sourceOf(unit, arg))];
    if (template !== undefined) return rewriteExtras(template, texts, span);
  }
  if (target === undefined) {
    if (callArgs === null || module === undefined) return undefined;
    return { help: `there are no methods: a function takes the value as an argument, as \`${module}.…(value)\` does` };
  }
  const parenthesis = callArgs === null ? -1 : unit.text.indexOf("(", name.span.end);
  const separator = callArgs === null ? ")" : callArgs.length > 0 ? ", " : "";
  const value = unit.text.slice(span.start, dot).trim();
  const variable = builtin === undefined || fileFunction !== undefined ? undefined : assignedVariable(checker, builtin, value, span);
  const head = `${variable === undefined ? "" : `${variable} = `}${target}(`;
  const edits: readonly Edit[] = [
    { span: { start: span.start, end: span.start }, text: head },
    { span: { start: dot, end: parenthesis < 0 ? name.span.end : parenthesis + 1 }, text: separator },
  ];
  const shortValue = value.length <= 40 && !value.includes("\n") ? value : "value";
  const callText = `${head}${shortValue}${callArgs === null || callArgs.length === 0 ? "" : ", …"})`;
  const hasPipe = callArgs !== null && callArgs.length > 0 && variable === undefined;
  const pipe = hasPipe ? `, or \`${shortValue} |> ${target}(…)\`` : "";
  const help = `there are no methods${variable === undefined ? "" : ", and values never change"}: write \`${callText}\`${pipe}`;
  if (library === undefined) return { help, fixes: [{ title: `write \`${callText}\``, edits }] };
  return { help: `${help}, with \`import "${library}"\` at the top`, fixes: [importFix(unit, library, edits)] };
}
