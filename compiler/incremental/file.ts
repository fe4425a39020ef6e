/**
 * Keeps the results for one file while its text changes. A result is reused until something that it depends on changes:
 *
 *     result                                     depends on
 *     a section (its tree and syntax errors)     its text
 *     the declaration of a function              the text of its signature, and the types that the file can name
 *     a checked body                             its section, those types, and what it found under the names that it looked up
 *
 * If a type or an import changes, every declaration and body of the file is checked again. A damaged section has a syntax error; its
 * bodies are not checked. All spans in a section count from its start.
 */
import type { FnItem, Item, Name, Span, TestItem } from "../ast.ts";
import { checkBody, runDeferredChecks } from "../check/bodies.ts";
import type { CheckContext } from "../check/context.ts";
import { checkTest } from "../check/tests.ts";
import {
  declareFunction,
  declareTypes,
  importItems,
  isDeclaring,
  keyOf,
  recordSignature,
  recordType,
  reportSameTests,
} from "../declare.ts";
import type { TypeDecl } from "../check-types.ts";
import { BorunaError } from "../../vm/error.ts";
import { compareDiagnostics, type Diagnostic, Diagnostics, type Edit } from "../diagnostics.ts";
import type { HiddenNames } from "../hidden-names.ts";
import { insertImport } from "../insert-edits.ts";
import type { Callable } from "../ir.ts";
import type { LoadedUnit } from "../load-units.ts";
import { reportTooLong } from "../parser/parse.ts";
import { NameRecorder } from "../name-recorder.ts";
import type { FunctionScope, SourceUnit } from "../scope.ts";
import { type Section, splitSections } from "./sections.ts";
import { type Lookups, TrackedMap, TrackedSet } from "./tracked-map.ts";

interface DeclaredFunction {
  readonly callable: Callable;
  readonly diagnostics: Diagnostics;
}

interface CheckedBody {
  readonly unit: SourceUnit;
  readonly scopes: readonly (readonly [Callable, FunctionScope])[];
  readonly lookups: Lookups<Callable>;
  /** The names that were looked up in `HiddenNames`, each with whether a damaged section may declare it (`hidden-names.ts`). */
  readonly hidden: ReadonlyMap<string, boolean>;
}

/** A unit for one section. It shares the maps of the file. */
class SectionUnit implements SourceUnit {
  readonly diagnostics: Diagnostics;
  readonly #file: AnalyzedFile;
  readonly #section: Section;

  constructor(file: AnalyzedFile, section: Section) {
    this.#file = file;
    this.#section = section;
    this.diagnostics = new Diagnostics(file.name);
  }

  get name(): string {
    return this.#file.name;
  }
  get text(): string {
    return this.#section.text;
  }
  get parsed(): SourceUnit["parsed"] {
    return { name: this.name, text: this.text, moduleName: null, items: this.#section.items, comments: [], damaged: [] };
  }
  get hidden(): HiddenNames {
    return this.#file.hidden;
  }
  get functions(): Map<string, Callable> {
    return this.#file.functions;
  }
  get types(): Map<string, TypeDecl> {
    return this.#file.types;
  }
  get declaredIn(): Map<string, string> {
    return this.#file.declaredIn;
  }
  get privateIn(): Map<string, string> {
    return this.#file.privateIn;
  }
}

type Body = FnItem | TestItem;

/** Returns the item with the span of its name or import path moved `by` code units, from the section to the file. */
function moveItem(item: Item, by: number): Item {
  const moveName = ({ text, span }: Name): Name => ({ text, span: { start: span.start + by, end: span.end + by } });
  return item.kind === "import" ? { ...item, specifier: moveName(item.specifier) } : { ...item, name: moveName(item.name) };
}

export class AnalyzedFile {
  readonly name: string;
  text = "";
  sections: readonly Section[] = [];
  hidden = { names: new TrackedSet(), all: false };
  /** Like `CheckedBody.hidden`, for lookups by declarations. */
  #hiddenInDeclarations = new Map<string, boolean>();
  functions = new TrackedMap<Callable>();
  types = new Map<string, TypeDecl>();
  declaredIn = new Map<string, string>();
  privateIn = new Map<string, string>();
  /** The errors of imports, of several tests with one name, and of a text that is too long. Their spans count from the start of the file. */
  #fileDiagnostics: Diagnostics;
  /** All that the declared types depend on, such as their texts and the imported types. If it is the same after an edit, they are kept. */
  #typeKey: readonly (string | TypeDecl)[] = [];
  /** The types that the file itself declares. */
  #ownTypes: readonly TypeDecl[] = [];
  /** The diagnostics of each record and enum, in source order. The types of one section share their diagnostics. */
  #typeDiagnostics: readonly Diagnostics[] = [];
  /** The same diagnostics by section. */
  #typeDiagnosticsOf = new Map<Section, Diagnostics | undefined>();
  /** The declared functions, by the syntax tree of the `fn`. An unchanged section keeps its trees. */
  #declared = new Map<FnItem, DeclaredFunction>();
  /** The declared functions by name, each with the text of its signature. */
  #signatures = new Map<string, { readonly text: string; readonly callable: Callable }>();
  /** The errors of functions that are declared twice. */
  #duplicates = new Map<Section, Diagnostics>();
  #bodies = new Map<Body, CheckedBody>();
  /** The names of all functions at the last check of the bodies. */
  #joinedFunctionNames = "";
  /** The names of the functions and tests whose bodies the last update checked. */
  lastChecked: readonly string[] = [];

  constructor(name: string) {
    this.name = name;
    this.#fileDiagnostics = new Diagnostics(name);
  }

  /** Sets the text. Returns a unit of the whole file, from which other files import. The spans of its names count from the start of the file. */
  begin(text: string): SourceUnit {
    this.#fileDiagnostics = new Diagnostics(this.name);
    const isTooLong = reportTooLong(text, this.#fileDiagnostics);
    if (isTooLong) this.sections = [];
    else if (text !== this.text || this.sections.length === 0) this.sections = splitSections(this.name, text, this.sections);
    this.text = text;
    this.functions = new TrackedMap();
    this.types = new Map();
    this.declaredIn = new Map();
    this.privateIn = new Map();
    this.hidden = {
      names: new TrackedSet(this.sections.flatMap(({ hidden }) => [...hidden.names])),
      all: isTooLong || this.sections.some(({ hidden }) => hidden.all),
    };
    const items = this.sections.flatMap((section) => section.items.map((item) => moveItem(item, section.start)));
    const damaged = this.sections.flatMap(({ diagnostics, start, text: sectionText }): readonly Span[] =>
      diagnostics.hasErrors ? [{ start, end: start + sectionText.length }] : [],
    );
    return {
      name: this.name,
      text,
      parsed: { name: this.name, text, moduleName: null, items, comments: [], damaged },
      diagnostics: this.#fileDiagnostics,
      hidden: this.hidden,
      functions: this.functions,
      types: this.types,
      declaredIn: this.declaredIn,
      privateIn: this.privateIn,
    };
  }

  /** Declares the items of the file. The files that it imports must have been declared before. */
  declare(context: CheckContext, { unit, imports }: LoadedUnit): void {
    const ownItems = new Map(unit.parsed.items.filter(isDeclaring).map((item) => [keyOf(item), item]));
    for (const { item, unit: from } of imports) importItems(unit, from, item.specifier, ownItems);
    reportSameTests(unit);
    const typeItems = this.sections.flatMap((section) =>
      section.items.flatMap((item) => (item.kind === "record" || item.kind === "enum" ? [{ item, section }] : [])),
    );
    const key = [
      String(unit.hidden.all),
      ...this.types.values(),
      ...typeItems.flatMap(({ item, section }) => [
        `${item.span.start}${section.diagnostics.hasErrors ? " damaged" : ""}`,
        section.text.slice(item.span.start, item.span.end),
      ]),
    ];
    const isSame = key.length === this.#typeKey.length && key.every((part, i) => part === this.#typeKey[i]);
    if (isSame && this.#lookupsAreSame(this.#hiddenInDeclarations)) {
      for (const decl of this.#ownTypes) {
        this.types.set(decl.name, decl);
        this.declaredIn.set(`type ${decl.name}`, this.name);
      }
    } else {
      this.#typeKey = key;
      this.#hiddenInDeclarations = new Map();
      this.#declared = new Map();
      this.#signatures = new Map();
      this.#bodies = new Map();
      const units = new Map(typeItems.map(({ section }) => [section, new SectionUnit(this, section)]));
      const typesToDeclare = typeItems.flatMap(({ item, section }) => {
        const sectionUnit = units.get(section);
        return sectionUnit === undefined ? [] : [{ item, unit: sectionUnit }];
      });
      this.#typeDiagnostics = typesToDeclare.map((declared) => declared.unit.diagnostics);
      this.hidden.names.lookups = this.#hiddenInDeclarations;
      declareTypes(context, typesToDeclare, (name) => name);
      this.#ownTypes = [...this.types.values()].filter((decl) => this.declaredIn.get(`type ${decl.name}`) === this.name);
    }
    // A section that was parsed again is a new object, even if its types are the same.
    this.#typeDiagnosticsOf = new Map(typeItems.map(({ section }, k) => [section, this.#typeDiagnostics[k]]));
    this.hidden.names.lookups = this.#hiddenInDeclarations;
    this.#declareFunctions(context);
    this.hidden.names.lookups = undefined;
  }

  /** Whether lookups in the hidden names would have the same results again. */
  #lookupsAreSame(lookups: ReadonlyMap<string, boolean>): boolean {
    for (const [name, found] of lookups) if (this.hidden.names.has(name) !== found) return false;
    return true;
  }

  #declareFunctions(context: CheckContext): void {
    const declared = new Map<FnItem, DeclaredFunction>();
    const signatures = new Map<string, { readonly text: string; readonly callable: Callable }>();
    this.#duplicates = new Map();
    for (const section of this.sections) {
      const duplicates = new SectionUnit(this, section);
      this.#duplicates.set(section, duplicates.diagnostics);
      for (const item of section.items) {
        if (item.kind !== "fn") continue;
        const { text: name } = item.name;
        if (this.functions.has(name)) {
          declareFunction(context, duplicates, item);
          continue;
        }
        const unit = new SectionUnit(this, section);
        const text = section.text.slice(item.span.start, item.body.span.start);
        const declaredFunction = this.#declared.get(item) ?? this.#declare(context, unit, item, text);
        this.functions.set(name, declaredFunction.callable);
        this.declaredIn.set(`fn ${name}`, this.name);
        declared.set(item, declaredFunction);
        signatures.set(name, { text, callable: declaredFunction.callable });
      }
    }
    this.#declared = declared;
    this.#signatures = signatures;
  }

  /** Declares a function. If its signature is the same as before the edit, keeps the old callable, so that its callers are not checked again. */
  #declare(context: CheckContext, unit: SectionUnit, item: FnItem, text: string): DeclaredFunction {
    const callable = declareFunction(context, unit, item);
    if (callable === undefined) throw new BorunaError("internal", "a function was declared twice");
    // `#declareFunctions` adds the callable that is kept.
    this.functions.delete(item.name.text);
    const before = this.#signatures.get(item.name.text);
    if (before?.text !== text) return { callable, diagnostics: unit.diagnostics };
    before.callable.item = item;
    return { callable: before.callable, diagnostics: unit.diagnostics };
  }

  /** Checks the bodies whose results cannot be reused. */
  checkBodies(context: CheckContext): void {
    const names = [...this.functions.keys()].join();
    const hasSameNames = names === this.#joinedFunctionNames;
    this.#joinedFunctionNames = names;
    const bodies = new Map<Body, CheckedBody>();
    const checkedNames: string[] = [];
    for (const section of this.sections) {
      if (section.diagnostics.hasErrors) continue;
      for (const item of section.items) {
        if (item.kind !== "test" && (item.kind !== "fn" || !this.#declared.has(item))) continue;
        const lastBody = this.#bodies.get(item);
        if (lastBody !== undefined && this.#isValid(lastBody, hasSameNames)) bodies.set(item, lastBody);
        else {
          bodies.set(item, this.#checkItem(context, section, item));
          checkedNames.push(item.name.text);
        }
      }
    }
    this.lastChecked = checkedNames;
    this.#bodies = bodies;
  }

  #isValid({ lookups, hidden }: CheckedBody, hasSameNames: boolean): boolean {
    if (lookups.listedAll && !hasSameNames) return false;
    for (const [name, found] of lookups.found) if (this.functions.get(name) !== found) return false;
    return this.#lookupsAreSame(hidden);
  }

  #checkItem(context: CheckContext, section: Section, item: Body): CheckedBody {
    const unit = new SectionUnit(this, section);
    const lookups: Lookups<Callable> = { found: new Map(), listedAll: false };
    const hidden = new Map<string, boolean>();
    this.functions.lookups = lookups;
    this.hidden.names.lookups = hidden;
    this.#check(context, unit, item);
    this.functions.lookups = undefined;
    this.hidden.names.lookups = undefined;
    const scopes = [...context.scopes];
    context.scopes.clear();
    return { unit, scopes, lookups, hidden };
  }

  #check(context: CheckContext, unit: SourceUnit, item: Body): void {
    const callable = item.kind === "fn" ? this.#declared.get(item)?.callable : undefined;
    if (callable !== undefined) checkBody(context, callable, unit);
    if (item.kind !== "test") return;
    checkTest(context, unit, item);
    runDeferredChecks(context);
  }

  /** Returns the scope of each checked function. */
  *scopes(): Iterable<readonly [Callable, FunctionScope]> {
    for (const { scopes } of this.#bodies.values()) yield* scopes;
  }

  /** Returns all diagnostics in source order. `effects` holds those of effect rows and mailbox calls, by the `SectionUnit` of the body. */
  diagnostics(effects: ReadonlyMap<SourceUnit, Diagnostics>): readonly Diagnostic[] {
    const all = [...this.#fileDiagnostics.sorted()];
    for (const section of this.sections) {
      const parts = section.diagnostics.hasErrors ? [section.diagnostics] : this.#partsOf(section, effects);
      for (const part of parts) for (const diagnostic of part.sorted()) all.push(this.#moveDiagnostic(diagnostic, section.start));
    }
    return all.sort(compareDiagnostics);
  }

  /** Returns the diagnostics of the items and bodies in a section. */
  #partsOf(section: Section, effects: ReadonlyMap<SourceUnit, Diagnostics>): readonly Diagnostics[] {
    const parts = [this.#typeDiagnosticsOf.get(section), this.#duplicates.get(section)];
    for (const item of section.items) {
      const body = item.kind === "fn" || item.kind === "test" ? this.#bodies.get(item) : undefined;
      if (item.kind === "fn") parts.push(this.#declared.get(item)?.diagnostics);
      if (body !== undefined) parts.push(body.unit.diagnostics, effects.get(body.unit));
    }
    return parts.filter((part) => part !== undefined);
  }

  /** Moves the spans of a diagnostic `by` code units, from the section to the file. */
  #moveDiagnostic(diagnostic: Diagnostic, by: number): Diagnostic {
    const moveSpan = ({ start, end }: Span): Span => ({ start: start + by, end: end + by });
    const fixes = diagnostic.fixes.map(({ title, edits }) => ({
      title,
      edits: edits.map((edit) =>
        edit.imports === undefined ? { span: moveSpan(edit.span), text: edit.text } : this.#importEdit(edit.imports),
      ),
    }));
    return { ...diagnostic, span: moveSpan(diagnostic.span), fixes };
  }

  /** Returns the edit that imports a library, with a span in the file. */
  #importEdit(library: string): Edit {
    const items = this.sections.flatMap(({ items: sectionItems, start }) =>
      sectionItems.map((item) => ({ kind: item.kind, span: { start: item.span.start + start, end: item.span.end + start } })),
    );
    return insertImport({ text: this.text, items, moduleName: this.sections[0]?.moduleName ?? null }, library);
  }

  /** Returns a name recorder with what the checker finds out about a section, even a damaged one. */
  record(context: CheckContext, section: Section): NameRecorder {
    const nameRecorder = new NameRecorder();
    context.nameRecorder = nameRecorder;
    const unit = new SectionUnit(this, section);
    for (const item of section.items) {
      if (item.kind === "record" || item.kind === "enum") recordType(context, unit, item);
      if (item.kind === "fn") recordSignature(context, unit, item);
      if (item.kind === "fn" || item.kind === "test") this.#check(context, unit, item);
    }
    context.nameRecorder = undefined;
    context.scopes.clear();
    return nameRecorder;
  }

  /** Returns the section at an offset. */
  sectionAt(offset: number): Section | undefined {
    return this.sections.findLast(({ start }) => start <= offset);
  }
}
