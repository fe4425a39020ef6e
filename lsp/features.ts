/** Computes the answers about one open file. All positions are offsets in the file; `server.ts` converts them to lines and columns. */
import type { Span } from "../compiler/ast.ts";
import { isDecided, showType } from "../compiler/check-types.ts";
import type { Edit } from "../compiler/diagnostics.ts";
import { isKeyword, kindOfWord } from "../compiler/tokens.ts";
import type { Occurrence, Place, AnalyzedProgram } from "./program.ts";
import { shiftSpan } from "./program.ts";
import { commentAbove, details, headline } from "./texts.ts";

export function hoverAt(program: AnalyzedProgram, offset: number): { readonly span: Span; readonly markdown: string } | undefined {
  const [name] = program.namesAt(offset);
  if (name === undefined) return undefined;
  const place = program.definitionOf(name.referent, name.section);
  const text = place === undefined ? undefined : textOf(program, place.path);
  const comment =
    place === undefined || text === undefined || name.referent.kind === "local"
      ? ""
      : commentAbove(text, lineStart(text, place.span.start));
  const parts = [`\`\`\`ax\n${headline(name.referent)}\n\`\`\``, comment, details(name.referent)];
  return { span: name.span, markdown: parts.filter((part) => part !== "").join("\n\n") };
}

const lineStart = (text: string, offset: number): number => text.lastIndexOf("\n", offset - 1) + 1;

function textOf(program: AnalyzedProgram, path: string): string | undefined {
  if (path === program.path) return program.main?.text;
  for (const file of program.analysis.files()) if (program.pathOf(file) === path) return file.text;
  return undefined;
}

export const definitionsAt = (program: AnalyzedProgram, offset: number): readonly Place[] =>
  program.namesAt(offset).flatMap(({ referent, section }) => program.definitionOf(referent, section) ?? []);

const samePlace = (a: Place, b: Place): boolean => a.path === b.path && a.span.start === b.span.start;

/** Returns all names in the open file of `program` whose declaration is at `target`. */
export function referencesTo(program: AnalyzedProgram, target: Place): readonly (Occurrence & Place)[] {
  const found: (Occurrence & Place)[] = [];
  for (const name of program.names()) {
    const place = program.definitionOf(name.referent, name.section);
    if (place !== undefined && samePlace(place, target)) found.push({ ...name, path: program.path });
  }
  return found;
}

/** Returns why the text cannot be a new name. Undefined if it can. */
export function nameProblem(name: string): string | undefined {
  if (!/^[A-Za-z_]\w*$/.test(name)) return `\`${name}\` is not a name: it consists of letters, digits and \`_\``;
  const kind = kindOfWord(name);
  return kind === "name" ? undefined : `\`${name}\` is ${isKeyword(kind) ? "a keyword" : "reserved"}`;
}

/**
 * Returns the edits in the open file of `program` that rename what is declared at `target`. In the shorthand `P { x }`, one name is both a
 * field and a binding. Only one of the two gets the new name, so the edit writes both names: `P { x: y }`.
 */
export function renameEdits(program: AnalyzedProgram, target: Place, oldName: string, newName: string): readonly Edit[] {
  const names = [...program.names()];
  const spans = new Map<number, Set<string>>();
  for (const { span, referent } of names) spans.set(span.start, (spans.get(span.start) ?? new Set()).add(referent.kind));
  const edits = new Map<number, Edit>();
  for (const { span, referent } of referencesTo(program, target)) {
    const kinds = spans.get(span.start);
    const isShorthand = kinds?.has("field") === true && kinds.has("local");
    const text = !isShorthand ? newName : referent.kind === "field" ? `${newName}: ${oldName}` : `${oldName}: ${newName}`;
    if (program.main?.text.slice(span.start, span.end) === oldName) edits.set(span.start, { span, text });
  }
  return [...edits.values()].toSorted((a, b) => a.span.start - b.span.start);
}

export interface FileSymbol {
  readonly name: string;
  readonly kind: "function" | "record" | "enum" | "test" | "field" | "variant";
  readonly detail: string;
  readonly span: Span;
  readonly nameSpan: Span;
  readonly children: readonly FileSymbol[];
}

export function symbolsOf(program: AnalyzedProgram): readonly FileSymbol[] {
  return (program.main?.sections ?? []).flatMap((section) =>
    section.items.flatMap((item): readonly FileSymbol[] => {
      if (item.kind === "import") return [];
      const spanInFile = (span: Span): Span => shiftSpan(span, section.start);
      const part = (kind: "field" | "variant", { text, span }: { readonly text: string; readonly span: Span }): FileSymbol => ({
        name: text,
        kind,
        detail: "",
        span: spanInFile(span),
        nameSpan: spanInFile(span),
        children: [],
      });
      const children =
        item.kind === "record"
          ? item.fields.map(({ name }) => part("field", name))
          : item.kind === "enum"
            ? item.variants.map(({ name }) => part("variant", name))
            : [];
      const callable = item.kind === "fn" ? program.main?.functions.get(item.name.text) : undefined;
      const detail = callable?.item === item ? headline({ kind: "function", callable }) : "";
      const kind = item.kind === "fn" ? "function" : item.kind;
      return [{ name: item.name.text, kind, detail, span: spanInFile(item.span), nameSpan: spanInFile(item.name.span), children }];
    }),
  );
}

/** Returns hints to show after the names of bindings without a written type: their types. */
export function inlayHints(program: AnalyzedProgram, range: Span): readonly { readonly offset: number; readonly label: string }[] {
  const file = program.main;
  if (file === undefined) return [];
  const hints: { readonly offset: number; readonly label: string }[] = [];
  for (const section of file.sections) {
    if (section.start > range.end || section.start + section.text.length < range.start) continue;
    const { names } = program.namesAndTypesOf(file, section);
    for (const { span, referent } of names) {
      const isDeclared = referent.kind === "local" && referent.local.span.start === span.start;
      if (!isDeclared || /^\s*:/.test(section.text.slice(span.end, span.end + 20)) || !isDecided(referent.local.type)) continue;
      const before = section.text.slice(Math.max(0, span.start - 60), span.start);
      // A local function needs no hint, because its declaration shows its type.
      if (!/\blet\s+(?:mut\s+)?$|\bfor\s+$|[(,]\s*$/.test(before) || /\bfn\s+$/.test(before)) continue;
      const offset = section.start + span.end;
      const label = `: ${showType(referent.local.type)}`;
      if (offset >= range.start && offset <= range.end && !hints.some((hint) => hint.offset === offset)) hints.push({ offset, label });
    }
  }
  return hints;
}

/** The kinds of semantic tokens, in the order of the protocol's legend. */
export const TOKEN_KINDS = ["variable", "parameter", "function", "type", "typeParameter", "property", "enumMember", "event"] as const;

const TOKEN_KIND_OF = {
  local: "variable",
  function: "function",
  builtin: "function",
  capability: "event",
  type: "type",
  param: "typeParameter",
  field: "property",
  variant: "enumMember",
} as const;

/** Returns the names of the file in source order, with indexes of `TOKEN_KINDS`. Leaves out names that span several lines or overlap. */
export function semanticTokens(program: AnalyzedProgram): readonly { readonly span: Span; readonly kind: number }[] {
  const text = program.main?.text ?? "";
  const tokens = new Map<number, { readonly span: Span; readonly kind: number }>();
  for (const { span, referent } of program.names()) {
    if (text.slice(span.start, span.end).includes("\n")) continue;
    const sameStart = tokens.get(span.start);
    const kind: number = TOKEN_KINDS.indexOf(TOKEN_KIND_OF[referent.kind]);
    if (sameStart === undefined || sameStart.span.end <= span.end) tokens.set(span.start, { span, kind });
  }
  let end = 0;
  return [...tokens.values()]
    .toSorted((a, b) => a.span.start - b.span.start)
    .filter(({ span }) => {
      if (span.start < end) return false;
      end = span.end;
      return true;
    });
}

/** Returns the code lenses: one that runs `main`, and one for each test. */
export function lensesOf(
  program: AnalyzedProgram,
): readonly { readonly span: Span; readonly title: string; readonly command: string; readonly args: readonly string[] }[] {
  return symbolsOf(program).flatMap(({ name, kind, nameSpan }) => {
    if (kind === "test") return [{ span: nameSpan, title: "Run test", command: "boruna.test", args: [program.path, name] }];
    return kind === "function" && name === "main" ? [{ span: nameSpan, title: "Run", command: "boruna.run", args: [program.path] }] : [];
  });
}
