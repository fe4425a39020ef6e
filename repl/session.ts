/**
 * A session of `boruna repl`, without its terminal. A session is a program that grows:
 *
 *     import "std-list"                       the imports
 *     fn double(n: Int) -> Int { n * 2 }      the items; a new one replaces an old one with the same name
 *
 *     fn main() -> String !{…} {
 *         let xs = [1, 2]                     the statements that were entered
 *         string.inspect(                     and the expression whose value is shown
 *     list.map(xs, double)
 *         )
 *     }
 *
 * An entry is a text that the user typed. The analysis of the language server checks it (`lsp/program.ts`), and checks again only what it
 * changes. Then the program is compiled and run. `calls.ts` answers the calls of earlier entries. An entry that fails does not change
 * the session.
 */
import { prune, showType, type CheckedType } from "../compiler/check-types.ts";
import { compile } from "../compiler/compile.ts";
import type { Span } from "../compiler/ast.ts";
import type { Diagnostic } from "../compiler/diagnostics.ts";
import { itemsOf, type Row, rowText } from "../compiler/rows.ts";
import type { Approver } from "../gateway/approval.ts";
import type { CallEnd } from "../gateway/observers.ts";
import { completionsAt } from "../lsp/completion.ts";
import { hoverAt } from "../lsp/features.ts";
import { DISK_WORKSPACE } from "../lsp/disk-workspace.ts";
import { AnalyzedProgram } from "../lsp/program.ts";
import { headline } from "../lsp/texts.ts";
import { framedStackLines, sourceFrame } from "../replay/report/source-frame.ts";
import type { Policy } from "../policy/policy.ts";
import { type Execution, execute, handlersFor } from "../runtime/execute.ts";
import { openSources } from "../runtime/sources.ts";
import type { SourceLocation } from "../vm/bytecode/module.ts";
import { verifyModule } from "../vm/bytecode/verifier.ts";
import type { CapabilityRegistry } from "../vm/capabilities.ts";
import { SessionCalls } from "./calls.ts";
import { SessionProgram, type EntryText } from "./draft.ts";
import { type Entry, type MissingPart, PROGRAM_NAME, readEntry } from "./entry.ts";

export interface SessionOptions {
  readonly registry: CapabilityRegistry;
  readonly policy: Policy;
  /** Whether capabilities make real calls. If not, mocks answer them. */
  readonly live: boolean;
  readonly approve: Approver;
  /** Receives each new text of `debug`. */
  readonly onDebug: (text: string) => void;
  /** Receives the end of each new call. */
  readonly onCall: (call: CallEnd) => void;
}

/** The result of evaluating an entry. */
export type Evaluation =
  | { readonly kind: "nothing" }
  /** `value` is undefined if there is none to show. `emittedTrees` holds what the entry emits with `emit tree`. */
  | { readonly kind: "value"; readonly value: string | undefined; readonly emittedTrees: readonly unknown[] }
  | { readonly kind: "declared"; readonly names: readonly string[] }
  | { readonly kind: "wrong"; readonly diagnostics: readonly Diagnostic[]; readonly textOf: (name: string) => string | undefined }
  /** `stack` shows where the run failed, in lines. */
  | { readonly kind: "failed"; readonly execution: Execution; readonly stack: readonly string[] }
  /** The session does not accept the entry. */
  | { readonly kind: "refused"; readonly message: string; readonly hint: string };

export type Wrong = Extract<Evaluation, { readonly kind: "wrong" }>;
type Statements = Extract<Entry, { readonly kind: "statements" }>;

/** An entry of statements that is a part of the program. An entry that only showed a value, without a new call, is not kept. */
interface KeptStatements {
  readonly entry: EntryText;
  readonly valueSpan: Span | undefined;
}

/** An item, as a part of the entry that declared it. */
interface DeclaredItem {
  readonly entry: EntryText;
  readonly span: Span;
}

interface State {
  /** The imports, by the name of the imported library or file. */
  readonly imports: ReadonlyMap<string, DeclaredItem>;
  /** The items, by kind and name: a type and a function may have the same name. */
  readonly items: ReadonlyMap<string, DeclaredItem>;
  readonly statements: readonly KeptStatements[];
  readonly calls: SessionCalls;
  /** Number of `debug` texts that the statements produce. A later run does not show these again. */
  readonly debugCount: number;
  /** Number of values that the statements emit (`emit tree`). A later run does not show these again. */
  readonly emittedCount: number;
}

const EMPTY: State = { imports: new Map(), items: new Map(), statements: [], calls: new SessionCalls(), debugCount: 0, emittedCount: 0 };

export class ReplSession {
  readonly #options: SessionOptions;
  readonly #program: AnalyzedProgram;
  #state = EMPTY;
  /** The number of the next entry. Messages use it as the entry's name. */
  nextNumber = 1;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#program = new AnalyzedProgram(PROGRAM_NAME, DISK_WORKSPACE, options.registry);
  }

  /** Removes all entries. */
  reset(): void {
    this.#state = EMPTY;
  }

  /** Returns what is missing from an entry. */
  missingIn(text: string): MissingPart {
    const entry = readEntry({ name: "entry", text });
    // A comment belongs to the statement or item after it, so a comment alone is incomplete.
    if (entry.kind === "empty") return entry.isComment ? "more" : "nothing";
    return entry.kind === "wrong" ? entry.missing : "nothing";
  }

  /** Runs an entry. Aborting `signal` ends its run. */
  async evaluate(text: string, signal: AbortSignal): Promise<Evaluation> {
    const entry = readEntry({ name: `entry ${this.nextNumber}`, text });
    if (entry.kind !== "empty") this.nextNumber += 1;
    switch (entry.kind) {
      case "empty":
        return { kind: "nothing" };
      case "wrong":
        return this.#wrong(entry.draft, entry.diagnostics);
      case "items":
        return this.#declare(entry, signal);
      case "statements":
        return this.#run(entry, signal);
    }
  }

  async #declare({ entry, items }: Extract<Entry, { readonly kind: "items" }>, signal: AbortSignal): Promise<Evaluation> {
    const before = this.#state;
    const imports = new Map(before.imports);
    const declared = new Map(before.items);
    const names: string[] = [];
    let replaces = false;
    for (const { item, span } of items) {
      const name = item.kind === "import" ? item.specifier.text : item.name.text;
      names.push(name);
      if (item.kind === "test") return { kind: "refused", message: "a session has no tests", hint: "`boruna test` runs those of a file" };
      if (item.kind === "import") imports.set(name, { entry, span });
      else if (name === "main") return { kind: "refused", message: "`main` is the session itself", hint: "give the function another name" };
      else {
        const key = `${item.kind === "fn" ? "fn" : "type"} ${name}`;
        replaces ||= declared.has(key);
        declared.set(key, { entry, span });
      }
    }
    const state: State = { ...before, imports, items: declared };
    const { draft } = this.#draftOf(state);
    const wrong = this.#check(draft);
    if (wrong !== undefined) return wrong;
    this.#state = state;
    if (!replaces || before.statements.length === 0) return { kind: "declared", names };
    const { execution, calls, debugs } = await this.#execute(state, draft, { mayCall: false, signal });
    this.#state =
      calls.diverges || execution.outcome !== "success" ? before : { ...state, debugCount: debugs, emittedCount: execution.ui.length };
    if (this.#state !== before) return { kind: "declared", names };
    return {
      kind: "refused",
      message: "with this definition, the entries before would do something else",
      hint: "give it another name, or forget the entries with `:reset`",
    };
  }

  async #run(entry: Statements, signal: AbortSignal): Promise<Evaluation> {
    const type = this.#typeOfValue(entry);
    if (type?.kind === "wrong") return type;
    const shownType = type !== undefined && isShowable(type) ? type : undefined;
    const last: KeptStatements = { entry: entry.entry, valueSpan: shownType === undefined ? undefined : entry.valueSpan };
    const { draft } = this.#draftOf(this.#state, last);
    const { execution, calls, debugs } = await this.#execute(this.#state, draft, { mayCall: true, signal });
    if (execution.outcome !== "success") return { kind: "failed", execution, stack: stackIn(draft, execution) };
    const emittedTrees = execution.ui.slice(this.#state.emittedCount);
    if (entry.changesSession || calls.madeNewCall)
      this.#state = {
        ...this.#state,
        statements: [...this.#state.statements, last],
        calls,
        debugCount: debugs,
        emittedCount: execution.ui.length,
      };
    // A function value is shown as its type.
    const value = shownType?.kind === "fn" ? showType(shownType) : String(execution.value);
    return { kind: "value", value: shownType === undefined ? undefined : value, emittedTrees };
  }

  /** Runs the program of a draft. */
  async #execute(
    state: State,
    draft: SessionProgram,
    { mayCall, signal }: { readonly mayCall: boolean; readonly signal: AbortSignal },
  ): Promise<{ readonly execution: Execution; readonly calls: SessionCalls; readonly debugs: number }> {
    const { registry, policy, live, approve, onDebug, onCall } = this.#options;
    const { source, resolve } = openSources(PROGRAM_NAME, draft.text);
    const program = verifyModule(compile(source, { resolve, registry }).module, registry);
    const calls = new SessionCalls(state.calls);
    const stop = new AbortController();
    const handlers = calls.remembering(await handlersFor(program, { live }, () => undefined));
    let debugs = 0;
    const execution = await execute(program, {
      policy,
      live,
      handlers,
      approve: calls.approving(approve),
      signal: AbortSignal.any([signal, stop.signal]),
      tracing: false,
      on: {
        ...calls.observers({ mayCall, stop: () => stop.abort() }),
        callEnd: (call) => {
          if (!calls.isRepeated(call.call)) onCall(call);
        },
      },
      onDebug: (text) => {
        debugs += 1;
        if (debugs > state.debugCount) onDebug(text);
      },
    });
    return { execution, calls, debugs };
  }

  /** Makes the program of a state, with the statements `last` at its end. `marked` is a span in the entry of `last`; `markedSpan` is the same text in the program. */
  #draftOf(state: State, last?: KeptStatements, marked?: Span): { readonly draft: SessionProgram; readonly markedSpan: Span | undefined } {
    const draft = new SessionProgram();
    for (const { entry, span } of [...state.imports.values(), ...state.items.values()]) {
      draft.addEntry(entry, span);
      draft.addGenerated("\n");
    }
    draft.addGenerated(`fn main() -> String !{${this.#options.registry.all.map(({ name }) => name).join(", ")}} {\n`);
    for (const earlier of state.statements) addStatementsTo(draft, earlier, false);
    if (last !== undefined) addStatementsTo(draft, last, true);
    draft.addGenerated(last?.valueSpan === undefined ? '    ""\n}\n' : "}\n");
    const start = last === undefined || marked === undefined ? undefined : draft.offsetOf(last.entry, marked.start);
    const end = last === undefined || marked === undefined ? undefined : draft.offsetOf(last.entry, marked.end);
    return { draft, markedSpan: start === undefined || end === undefined ? undefined : { start, end } };
  }

  /** Checks a draft. Returns undefined if it has no errors. */
  #check(draft: SessionProgram): Wrong | undefined {
    this.#program.update(draft.text, () => undefined);
    const errors = this.#program.diagnostics.filter(({ severity }) => severity === "error");
    return errors.length === 0 ? undefined : this.#wrong(draft, errors);
  }

  /** Converts diagnostics of the program to diagnostics of the entries. */
  #wrong(draft: SessionProgram, diagnostics: readonly Diagnostic[]): Wrong {
    const texts = new Map<string, string>();
    const entryDiagnostics = diagnostics.map((diagnostic): Diagnostic => {
      const place = isSessionFile(diagnostic.file) ? draft.entryAt(diagnostic.span) : undefined;
      if (place === undefined) return diagnostic;
      texts.set(place.entry.name, place.entry.text);
      return { ...diagnostic, file: place.entry.name, span: place.span, fixes: [] };
    });
    return { kind: "wrong", diagnostics: entryDiagnostics, textOf: (name) => texts.get(name) };
  }

  /** Returns the type of an expression, undefined for other statements, or the errors of the entry. */
  #typeOfValue({ entry, valueSpan }: Statements): CheckedType | Wrong | undefined {
    const { draft, markedSpan } = this.#draftOf(this.#state, { entry, valueSpan: undefined }, valueSpan);
    const wrong = this.#check(draft);
    if (wrong !== undefined || markedSpan === undefined) return wrong;
    return this.#typeAt(markedSpan);
  }

  /** Returns the type that the last check recorded for the expression at the span in the program. */
  #typeAt({ start, end }: Span): CheckedType | undefined {
    const file = this.#program.main;
    const section = file?.sectionAt(start);
    if (file === undefined || section === undefined) return undefined;
    const { types } = this.#program.namesAndTypesOf(file, section);
    const found = types.findLast(({ span }) => span.start === start - section.start && span.end === end - section.start);
    return found === undefined ? undefined : prune(found.type);
  }

  /** Returns the type of an expression as text, or its errors. For other text, returns a sentence that says so. */
  typeOf(text: string): string | Wrong {
    const entry = this.#expression(text);
    if (typeof entry === "string" || entry.kind === "wrong") return entry;
    const hover = /^[\w.]+$/.test(text.trim()) ? this.#hover(entry) : undefined;
    if (hover !== undefined) return hover.split("\n")[1] ?? "";
    const type = this.#typeOfValue(entry);
    if (type === undefined) return NO_VALUE;
    return type.kind === "wrong" ? type : showType(type);
  }

  /**
   * Returns the effects of an expression as text and, if its value is a function, the effects of calling it. Returns the errors of a wrong
   * expression. For other text, returns a sentence that says so.
   */
  effectsOf(text: string): string | Wrong {
    const entry = this.#expression(text);
    if (typeof entry === "string" || entry.kind === "wrong") return entry;
    const valueType = this.#typeOfValue(entry);
    if (valueType === undefined) return NO_VALUE;
    if (valueType.kind === "wrong") return valueType;
    // Put the expression into a lambda: the row of the lambda's type has all effects of the expression.
    const lambda: EntryText = { name: entry.entry.name, text: `fn() {\n${entry.entry.text}\n}` };
    const type = this.#typeOfValue({ ...entry, entry: lambda, valueSpan: { start: 0, end: lambda.text.length } });
    if (type?.kind === "wrong") return type;
    if (type?.kind !== "fn") return NO_VALUE;
    const effects = effectsText(type.row);
    return valueType.kind === "fn" ? `${effects}; when it is called: ${effectsText(valueType.row)}` : effects;
  }

  /** Reads a text that must end with an expression. For other text, returns a sentence that says that it does not. */
  #expression(text: string): Statements | Wrong | string {
    const entry = readEntry({ name: "entry", text });
    if (entry.kind === "wrong") return this.#wrong(entry.draft, entry.diagnostics);
    return entry.kind === "statements" && entry.valueSpan !== undefined ? entry : NO_VALUE;
  }

  /** Returns a description of a name; undefined if the name is unknown. */
  docOf(name: string): string | undefined {
    const type = this.#program.main?.types.get(name);
    const entry = this.#expression(name);
    const hover = typeof entry === "string" || entry.kind === "wrong" ? undefined : this.#hover(entry);
    if (hover !== undefined) return hover.replace(/^```ax\n([^]*?)\n```/, "$1");
    if (type !== undefined) return headline({ kind: "type", decl: type });
    const members = this.completions(`${name}.`, name.length + 1);
    return members.length === 0 ? undefined : members.map(({ label, detail }) => detail ?? label).join("\n");
  }

  /** Returns the hover text of the name at the end of an expression. */
  #hover({ entry, valueSpan }: Statements): string | undefined {
    const { draft, markedSpan } = this.#draftOf(this.#state, { entry, valueSpan: undefined }, valueSpan);
    this.#program.update(draft.text, () => undefined);
    return markedSpan === undefined ? undefined : hoverAt(this.#program, markedSpan.end)?.markdown;
  }

  /** Returns completions at an offset of an incomplete entry. */
  completions(text: string, offset: number): readonly { readonly label: string; readonly detail: string | undefined }[] {
    const entry: EntryText = { name: PROGRAM_NAME, text };
    const { draft } = this.#draftOf(this.#state, { entry, valueSpan: undefined });
    this.#program.update(draft.text, () => undefined);
    const draftOffset = draft.offsetOf(entry, offset);
    return draftOffset === undefined ? [] : completionsAt(this.#program, draftOffset).map(({ label, detail }) => ({ label, detail }));
  }
}

const effectsText = (row: Row): string => (itemsOf(row).length === 0 ? "no effects" : rowText(itemsOf(row)));

const NO_VALUE = "this is not an expression";

const isSessionFile = (file: string): boolean => file.endsWith(PROGRAM_NAME);

/** Whether a value of the type is shown. Unit is not shown, nor is the value of an expression that never ends normally. */
function isShowable(type: CheckedType): boolean {
  return !(type.kind === "primitive" && type.name === "Unit") && type.kind !== "never" && type.kind !== "error";
}

/** Adds an entry of statements to the program, with code that converts its value to text. The text of the last entry is the program's result. */
function addStatementsTo(draft: SessionProgram, { entry, valueSpan }: KeptStatements, isLast: boolean): void {
  if (valueSpan === undefined) draft.addStatements(entry);
  else {
    draft.addStatements(entry, { start: 0, end: valueSpan.start });
    draft.addGenerated(`\n    ${isLast ? "" : "let _ = "}string.inspect(\n`);
    draft.addStatements(entry, valueSpan);
    draft.addGenerated("\n    )");
    draft.addStatements(entry, { start: valueSpan.end, end: entry.text.length });
  }
  draft.addGenerated("\n");
}

/** Returns the lines that show where a run failed, with places in the entries. */
function stackIn(draft: SessionProgram, { error, program }: Execution): readonly string[] {
  const stack = error?.stack ?? [];
  const [first] = stack;
  const frame = sourceFrame(program.module, first);
  const place = first === undefined ? undefined : placeIn(draft, first);
  const isMoved = frame !== undefined && first !== undefined && place !== undefined && place !== first;
  if (!isMoved)
    return framedStackLines(
      frame,
      stack.map((location) => placeIn(draft, location)),
    );
  const columns = (place.column ?? 1) - frame.column;
  const entry = draft.placeOf(frame.line, frame.column)?.entry;
  const lines = (entry?.text ?? "").split("\n").slice(0, place.line);
  const shown = lines.map((text, i) => ({ number: i + 1, text })).slice(-frame.lines.length);
  const movedFrame = {
    ...frame,
    file: place.file ?? frame.file,
    line: place.line ?? 1,
    column: frame.column + columns,
    endColumn: frame.endColumn + columns,
    lines: shown,
  };
  return framedStackLines(
    movedFrame,
    stack.map((location) => placeIn(draft, location)),
  );
}

/** Converts a place in the program to a place in an entry. Returns a place in a library unchanged. */
function placeIn(draft: SessionProgram, location: SourceLocation): SourceLocation {
  const { file, line, column } = location;
  if (file === undefined || line === undefined || !isSessionFile(file)) return location;
  const place = draft.placeOf(line, column ?? 1);
  return place === undefined ? location : { ...location, file: place.entry.name, line: place.line, column: place.column };
}
