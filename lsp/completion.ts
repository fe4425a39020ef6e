/** Completion and signature help. Both also look at the text before the cursor, because the program may be incomplete there. */
import type { CompletionItem, CompletionItemKind, SignatureHelp } from "vscode-languageserver";
import { prune, showType, type CheckedType } from "../compiler/check-types.ts";
import type { Local } from "../compiler/ir.ts";
import type { Referent } from "../compiler/name-recorder.ts";
import { KEYWORDS } from "../compiler/tokens.ts";
import { BUILTIN_BY_NAME, BUILTINS } from "../vm/builtins/builtin-table.ts";
import type { AnalyzedProgram } from "./program.ts";
import { builtinSignature, capabilitySignature, details, functionSignature, headline, type SignatureText, typeText } from "./texts.ts";

/** The numbers that the protocol gives to kinds of completions. */
const KIND = { function: 3, field: 5, variable: 6, module: 9, keyword: 14, enumMember: 20, struct: 22, event: 23 } as const;

/** How much text before the cursor is read, in code units. */
const MAX_LOOK_BACK_LENGTH = 2_000;

const itemOf = (label: string, kind: CompletionItemKind, referent: Referent): CompletionItem => {
  const detail = headline(referent);
  const documentation = details(referent);
  return documentation === ""
    ? { label, kind, detail }
    : { label, kind, detail, documentation: { kind: "markdown", value: documentation } };
};

/** Returns the bindings that can be used at an offset of the open file, by name. An inner binding hides an outer one. */
function localsAt(program: AnalyzedProgram, offset: number): ReadonlyMap<string, Local> {
  const file = program.main;
  const section = file?.sectionAt(offset);
  const locals = new Map<string, Local>();
  if (file === undefined || section === undefined) return locals;
  const offsetInSection = offset - section.start;
  const scopes = program
    .namesAndTypesOf(file, section)
    .scopes.filter(({ span }) => span.start <= offsetInSection && offsetInSection <= span.end);
  for (const scope of scopes.toSorted((a, b) => a.span.start - b.span.start || b.span.end - a.span.end))
    for (const local of scope.locals)
      if (local.name !== "" && local.name !== "_" && local.span.end <= offsetInSection) locals.set(local.name, local);
  return locals;
}

/** Returns the recorded type of the expression that ends at the offset. If there is none, finds the type of a path such as `a.b.c` from its binding `a`. */
function typeBefore(program: AnalyzedProgram, offset: number): CheckedType | undefined {
  const file = program.main;
  const section = file?.sectionAt(offset);
  if (file === undefined || section === undefined) return undefined;
  const recorded = program.namesAndTypesOf(file, section).types.filter(({ span }) => span.end === offset - section.start);
  const known = recorded.map(({ type }) => prune(type)).findLast((type) => type.kind !== "var" && type.kind !== "error");
  if (known !== undefined) return known;
  const path =
    /[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*$/.exec(file.text.slice(Math.max(0, offset - MAX_LOOK_BACK_LENGTH), offset))?.[0].split(".") ?? [];
  const [first = "", ...fields] = path;
  let type = localsAt(program, offset).get(first)?.type;
  for (const field of fields) {
    const t = type === undefined ? undefined : prune(type);
    type = t?.kind === "declared" ? t.decl.fields.find(({ name }) => name === field)?.type : undefined;
  }
  return type === undefined ? undefined : prune(type);
}

export function completionsAt(program: AnalyzedProgram, offset: number): readonly CompletionItem[] {
  const file = program.main;
  if (file === undefined) return [];
  const line = file.text.slice(file.text.lastIndexOf("\n", offset - 1) + 1, offset);
  if (/\/\/|import\s+"[^"]*$/.test(line)) return [];
  const variant = /([A-Za-z_]\w*)::\w*$/.exec(line);
  if (variant !== null) return variantsOf(program, variant[1] ?? "");
  const access = /\.\w*$/.exec(line);
  if (access === null) return namesAt(program, offset);
  const dot = offset - access[0].length;
  const type = typeBefore(program, dot);
  const fields = type?.kind === "declared" && type.decl.kind === "record" ? fieldsOf(type.decl) : [];
  const module = /([A-Za-z_]\w*)\.\w*$/.exec(line)?.[1] ?? "";
  return localsAt(program, offset).has(module) ? fields : [...fields, ...membersOf(program, module)];
}

const fieldsOf = (decl: Extract<Referent, { kind: "type" }>["decl"]): readonly CompletionItem[] =>
  decl.fields.map(({ name, type }) => itemOf(name, KIND.field, { kind: "field", decl, variant: null, name, type }));

function variantsOf(program: AnalyzedProgram, name: string): readonly CompletionItem[] {
  const decl = program.main?.types.get(name);
  return decl?.variants.map((variant) => itemOf(variant.name, KIND.enumMember, { kind: "variant", decl, name: variant.name })) ?? [];
}

/** Returns the builtins and capabilities of a module, such as those named `list.…`. */
function membersOf(program: AnalyzedProgram, module: string): readonly CompletionItem[] {
  const prefix = `${module}.`;
  const after = (name: string): string => name.slice(prefix.length);
  return [
    ...BUILTINS.filter(({ name }) => name.startsWith(prefix)).map((builtin) =>
      itemOf(after(builtin.name), KIND.function, { kind: "builtin", builtin }),
    ),
    ...program.analysis.context.registry.all
      .filter(({ name }) => name.startsWith(prefix))
      .map((capability) => itemOf(after(capability.name), KIND.event, { kind: "capability", capability })),
  ];
}

/** Returns everything that a name without a dot can refer to. */
function namesAt(program: AnalyzedProgram, offset: number): readonly CompletionItem[] {
  const file = program.main;
  const { all } = program.analysis.context.registry;
  const names = [...BUILTINS, ...all].map(({ name }) => name);
  const modules = new Set(names.filter((name) => name.includes(".")).map((name) => name.slice(0, name.indexOf("."))));
  return [
    ...[...localsAt(program, offset).values()].map((local) => itemOf(local.name, KIND.variable, { kind: "local", local })),
    ...[...(file?.functions.values() ?? [])].map((callable) => itemOf(callable.name, KIND.function, { kind: "function", callable })),
    ...[...(file?.types.values() ?? [])].map((decl): CompletionItem => ({ label: decl.name, kind: KIND.struct, detail: typeText(decl) })),
    ...[...modules].map((label): CompletionItem => ({ label, kind: KIND.module })),
    ...BUILTINS.filter(({ name }) => !name.includes(".")).map((builtin) =>
      itemOf(builtin.name, KIND.function, { kind: "builtin", builtin }),
    ),
    ...KEYWORDS.map((label): CompletionItem => ({ label, kind: KIND.keyword })),
  ];
}

/** Returns the signatures of the call whose parentheses contain the offset, with the index of the argument at the offset. Null outside of calls. */
export function signatureAt(program: AnalyzedProgram, offset: number): SignatureHelp | null {
  const text = program.main?.text.slice(Math.max(0, offset - MAX_LOOK_BACK_LENGTH), offset) ?? "";
  let depth = 0;
  let commas = 0;
  for (let i = text.length - 1; i >= 0; i--) {
    const sign = text.charAt(i);
    if (sign === ")" || sign === "]" || sign === "}") depth += 1;
    else if (sign === "," && depth === 0) commas += 1;
    else if (sign === "(" || sign === "[" || sign === "{") {
      if (depth > 0) depth -= 1;
      else if (sign !== "(") return null;
      else {
        const name = /[A-Za-z_][\w.]*$/.exec(text.slice(0, i))?.[0];
        const signatures = name === undefined ? [] : signaturesOf(program, name, offset);
        if (signatures.length === 0) return null;
        const active = Math.max(
          0,
          signatures.findIndex(({ params }) => params.length > commas),
        );
        return {
          signatures: signatures.map(({ label, params }) => ({ label, parameters: params.map((param) => ({ label: param })) })),
          activeSignature: active,
          activeParameter: commas,
        };
      }
    }
  }
  return null;
}

function signaturesOf(program: AnalyzedProgram, name: string, offset: number): readonly SignatureText[] {
  const local = localsAt(program, offset).get(name);
  const type = local === undefined ? undefined : prune(local.type);
  if (type?.kind === "fn") return [{ label: `${name}: ${showType(type)}`, params: type.params.map(showType) }];
  const callable = program.main?.functions.get(name);
  if (callable !== undefined) return [functionSignature(callable)];
  const builtin = BUILTIN_BY_NAME.get(name);
  if (builtin !== undefined) return [builtinSignature(builtin.name, builtin.type)];
  const capability = program.analysis.context.capability(name);
  return capability?.signatures.map((signature) => capabilitySignature(capability, signature)) ?? [];
}
