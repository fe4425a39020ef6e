/**
 * The language server: speaks the Language Server Protocol on a connection (`connection.ts`). `features.ts` and `completion.ts` compute the
 * answers. Each open file is an `AnalyzedProgram`. After a change, the server first reads all messages that have arrived, and then checks all open
 * files again. A request for a file that is not checked yet checks it first, so every answer is about the current text.
 */
import type {
  CodeAction,
  Diagnostic as ShownDiagnostic,
  DocumentSymbol,
  InitializeResult,
  Location,
  Range,
  TextEdit,
} from "vscode-languageserver";
import { TextDocument } from "vscode-languageserver-textdocument";
import type { Span } from "../compiler/ast.ts";
import type { Diagnostic, Edit } from "../compiler/diagnostics.ts";
import { formatSource } from "../compiler/format/format.ts";
import { completionsAt, signatureAt } from "./completion.ts";
import { RequestFailed, type ServerConnection, type CancellationToken } from "./connection.ts";
import {
  definitionsAt,
  type FileSymbol,
  hoverAt,
  inlayHints,
  lensesOf,
  referencesTo,
  semanticTokens,
  symbolsOf,
  TOKEN_KINDS,
} from "./features.ts";
import { type Place, AnalyzedProgram } from "./program.ts";
import { programsMentioning, renameOf } from "./rename.ts";
import type { Workspace } from "./workspace.ts";

/** Constants of the protocol. */
const ERROR = 1;
const WARNING = 2;
const SYMBOL_KINDS = { function: 12, record: 23, enum: 10, test: 6, field: 8, variant: 22 } as const;
const INCREMENTAL = 2;
const TYPE_HINT = 1;
const REQUEST_FAILED = -32803;

const CAPABILITIES: InitializeResult["capabilities"] = {
  textDocumentSync: { openClose: true, change: INCREMENTAL },
  hoverProvider: true,
  completionProvider: { triggerCharacters: [".", ":"] },
  signatureHelpProvider: { triggerCharacters: ["(", ","] },
  definitionProvider: true,
  referencesProvider: true,
  renameProvider: { prepareProvider: true },
  documentSymbolProvider: true,
  codeActionProvider: { codeActionKinds: ["quickfix"] },
  inlayHintProvider: true,
  documentFormattingProvider: true,
  semanticTokensProvider: { legend: { tokenTypes: [...TOKEN_KINDS], tokenModifiers: [] }, full: true },
  codeLensProvider: {},
};

const CANCELED = new RequestFailed(-32800, "canceled");

interface OpenFile {
  readonly uri: string;
  /** The real path of the file. Other files import it by this path. */
  readonly path: string;
  document: TextDocument;
  readonly program: AnalyzedProgram;
  /** Whether this file or any other has changed since the last check of this file. */
  isDirty: boolean;
}

export class LanguageServer {
  readonly #connection: ServerConnection;
  readonly #workspace: Workspace;
  readonly #files = new Map<string, OpenFile>();
  /** The paths of the client's folders, in whose files references are searched. */
  #folders: readonly string[] = [];
  /** Whether a check of all open files will run once the pending messages have been read. */
  #isScheduled = false;

  constructor(connection: ServerConnection, workspace: Workspace) {
    this.#connection = connection;
    this.#workspace = workspace;
  }

  /** Registers the handlers of all messages. */
  start(): void {
    const c = this.#connection;
    c.onInitialize(({ workspaceFolders, rootUri }) => {
      const uris = workspaceFolders?.map(({ uri }) => uri) ?? (typeof rootUri === "string" ? [rootUri] : []);
      this.#folders = uris.flatMap((uri) => (uri.startsWith("file:") ? [this.#workspace.pathOf(uri)] : []));
      return { capabilities: CAPABILITIES, serverInfo: { name: "boruna" } };
    });
    c.onNotification("textDocument/didOpen", ({ textDocument: { uri, version, text } }) => {
      const path = this.#workspace.pathOf(uri);
      const document = TextDocument.create(uri, "ax", version, text);
      this.#files.set(uri, { uri, path, document, program: new AnalyzedProgram(path, this.#workspace), isDirty: true });
      this.#markAllDirty();
    });
    c.onNotification("textDocument/didChange", ({ textDocument: { uri, version }, contentChanges }) => {
      const file = this.#files.get(uri);
      if (file === undefined) return;
      file.document = TextDocument.update(file.document, contentChanges, version);
      this.#markAllDirty();
    });
    c.onNotification("textDocument/didClose", ({ textDocument: { uri } }) => {
      this.#files.delete(uri);
      c.publishDiagnostics({ uri, diagnostics: [] });
      this.#markAllDirty();
    });
    c.onNotification("workspace/didChangeWatchedFiles", () => this.#markAllDirty());
    this.#answerAboutNames();
    this.#answerAboutFiles();
  }

  /** Lets the connection read the messages that have arrived. Returns whether they cancel the request. Call this before slow work. */
  async #isCanceled(token: CancellationToken): Promise<boolean> {
    await new Promise<void>((resolve) => this.#connection.afterPendingMessages(resolve));
    return token.isCancellationRequested;
  }

  /** Marks every open file for another check, because it may import the changed file. */
  #markAllDirty(): void {
    for (const file of this.#files.values()) file.isDirty = true;
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#connection.afterPendingMessages(() => {
      this.#isScheduled = false;
      for (const file of this.#files.values()) this.#check(file);
    });
  }

  #check(file: OpenFile): void {
    if (!file.isDirty) return;
    file.isDirty = false;
    file.program.update(file.document.getText(), (path) => this.#openText(path));
    const { program, document, uri } = file;
    const diagnostics = program.diagnostics.filter((d) => d.file === program.name).map((d) => diagnosticFor(document, d));
    this.#connection.publishDiagnostics({ uri, version: document.version, diagnostics });
  }

  #openText(path: string): string | undefined {
    for (const file of this.#files.values()) if (file.path === path) return file.document.getText();
    return undefined;
  }

  /** Returns the open file, checked. Undefined if the file is not open. */
  #file(uri: string): OpenFile | undefined {
    const file = this.#files.get(uri);
    if (file !== undefined) this.#check(file);
    return file;
  }

  #answerAboutNames(): void {
    const c = this.#connection;
    c.onRequest("textDocument/hover", ({ textDocument, position }) => {
      const file = this.#file(textDocument.uri);
      const hover = file && hoverAt(file.program, file.document.offsetAt(position));
      return file && hover ? { contents: { kind: "markdown", value: hover.markdown }, range: rangeOf(file.document, hover.span) } : null;
    });
    c.onRequest("textDocument/completion", ({ textDocument, position }) => {
      const file = this.#file(textDocument.uri);
      return file === undefined ? [] : [...completionsAt(file.program, file.document.offsetAt(position))];
    });
    c.onRequest("textDocument/signatureHelp", ({ textDocument, position }) => {
      const file = this.#file(textDocument.uri);
      return file === undefined ? null : signatureAt(file.program, file.document.offsetAt(position));
    });
    c.onRequest("textDocument/definition", ({ textDocument, position }) => {
      const file = this.#file(textDocument.uri);
      return file === undefined
        ? []
        : definitionsAt(file.program, file.document.offsetAt(position)).flatMap((place) => this.#location(place));
    });
    c.onRequest("textDocument/references", async ({ textDocument, position, context }, token) => {
      if (await this.#isCanceled(token)) return CANCELED;
      const file = this.#file(textDocument.uri);
      const [target] = file === undefined ? [] : definitionsAt(file.program, file.document.offsetAt(position));
      if (file === undefined || target === undefined) return [];
      const all = this.#programsWith(file, target).flatMap((program) => referencesTo(program, target));
      const isDeclaration = ({ path, span }: Place): boolean => path === target.path && span.start === target.span.start;
      const seen = new Set<string>();
      return all
        .filter((place) => context.includeDeclaration || !isDeclaration(place))
        .filter(({ path, span }) => !seen.has(`${path} ${span.start}`) && seen.add(`${path} ${span.start}`))
        .flatMap((place) => this.#location(place));
    });
    c.onRequest("textDocument/prepareRename", ({ textDocument, position }) => {
      const file = this.#file(textDocument.uri);
      const offset = file?.document.offsetAt(position) ?? 0;
      const name = file?.program
        .namesAt(offset)
        .find(({ referent, section }) => file.program.definitionOf(referent, section) !== undefined);
      return file === undefined || name === undefined ? null : rangeOf(file.document, name.span);
    });
    c.onRequest("textDocument/rename", async ({ textDocument, position, newName }, token) => {
      if (await this.#isCanceled(token)) return CANCELED;
      const file = this.#file(textDocument.uri);
      if (file === undefined) return null;
      const offset = file.document.offsetAt(position);
      const [target] = definitionsAt(file.program, offset);
      if (target === undefined) return null;
      const renamed = renameOf(this.#programsWith(file, target), file.program, offset, newName, (path) => this.#openText(path));
      if (typeof renamed === "string") return new RequestFailed(REQUEST_FAILED, renamed);
      return {
        changes: Object.fromEntries([...renamed].map(([path, edits]) => [this.#workspace.uriOf(path), this.#textEdits(path, edits)])),
      };
    });
  }

  #answerAboutFiles(): void {
    const c = this.#connection;
    c.onRequest("textDocument/documentSymbol", ({ textDocument }) => {
      const file = this.#file(textDocument.uri);
      return file === undefined ? [] : symbolsOf(file.program).map((symbol) => symbolFor(file.document, symbol));
    });
    c.onRequest("textDocument/codeAction", ({ textDocument, range }) => {
      const file = this.#file(textDocument.uri);
      if (file === undefined) return [];
      const { document, program, uri } = file;
      const [start, end] = [document.offsetAt(range.start), document.offsetAt(range.end)];
      return program.diagnostics
        .filter((d) => d.file === program.name && d.span.start <= end && start <= d.span.end)
        .flatMap((d) =>
          d.fixes.map(
            ({ title, edits }): CodeAction => ({
              title,
              kind: "quickfix",
              diagnostics: [diagnosticFor(document, d)],
              isPreferred: d.fixes.length === 1,
              edit: { changes: { [uri]: textEdits(document, edits) } },
            }),
          ),
        );
    });
    c.onRequest("textDocument/formatting", ({ textDocument }) => {
      const file = this.#file(textDocument.uri);
      const text = file?.document.getText() ?? "";
      const formatted = formatSource({ name: textDocument.uri, text });
      if (file === undefined || !formatted.ok || formatted.text === text) return [];
      return [{ range: rangeOf(file.document, { start: 0, end: text.length }), newText: formatted.text }];
    });
    c.onRequest("textDocument/codeLens", ({ textDocument }) => {
      const file = this.#file(textDocument.uri);
      if (file === undefined) return [];
      return lensesOf(file.program).map(({ span, title, command, args }) => ({
        range: rangeOf(file.document, span),
        command: { title, command, arguments: [...args] },
      }));
    });
    c.onRequest("textDocument/inlayHint", async ({ textDocument, range }, token) => {
      if (await this.#isCanceled(token)) return CANCELED;
      const file = this.#file(textDocument.uri);
      if (file === undefined) return [];
      const { document, program } = file;
      const hints = inlayHints(program, { start: document.offsetAt(range.start), end: document.offsetAt(range.end) });
      return hints.map(({ offset, label }) => ({ position: document.positionAt(offset), label, kind: TYPE_HINT }));
    });
    c.onRequest("textDocument/semanticTokens/full", async ({ textDocument }, token) => {
      if (await this.#isCanceled(token)) return CANCELED;
      const file = this.#file(textDocument.uri);
      const data: number[] = [];
      let [line, character] = [0, 0];
      for (const { span, kind } of file === undefined ? [] : semanticTokens(file.program)) {
        const start = file?.document.positionAt(span.start) ?? { line: 0, character: 0 };
        data.push(start.line - line, start.line === line ? start.character - character : start.character, span.end - span.start, kind, 0);
        ({ line, character } = start);
      }
      return { data };
    });
  }

  /** Returns the programs that may refer to what is declared at the place: those of open files, and of other files in the workspace. */
  #programsWith(file: OpenFile, target: Place): readonly AnalyzedProgram[] {
    for (const other of this.#files.values()) this.#check(other);
    const open = [...this.#files.values()].map(({ program }) => program);
    return programsMentioning(file.program, target, open, this.#folders, (path) => this.#openText(path));
  }

  #location({ path, span }: Place): Location[] {
    const document = this.#documentAt(path);
    return document === undefined ? [] : [{ uri: this.#workspace.uriOf(path), range: rangeOf(document, span) }];
  }

  #textEdits(path: string, edits: readonly Edit[]): TextEdit[] {
    const document = this.#documentAt(path);
    return document === undefined ? [] : textEdits(document, edits);
  }

  #documentAt(path: string): TextDocument | undefined {
    for (const { program, document } of this.#files.values()) {
      if (program.path === path) return document;
      for (const file of program.analysis.files())
        if (program.pathOf(file) === path) return TextDocument.create(this.#workspace.uriOf(path), "ax", 0, file.text);
    }
    return undefined;
  }
}

const rangeOf = (document: TextDocument, { start, end }: Span): Range => ({
  start: document.positionAt(start),
  end: document.positionAt(end),
});

const textEdits = (document: TextDocument, edits: readonly Edit[]): TextEdit[] =>
  edits.map(({ span, text }) => ({ range: rangeOf(document, span), newText: text }));

function diagnosticFor(document: TextDocument, { code, severity, message, span, help }: Diagnostic): ShownDiagnostic {
  return {
    range: rangeOf(document, span),
    severity: severity === "error" ? ERROR : WARNING,
    code,
    source: "boruna",
    message: help === undefined ? message : `${message}\n${help}`,
  };
}

function symbolFor(document: TextDocument, { name, kind, detail, span, nameSpan, children }: FileSymbol): DocumentSymbol {
  return {
    name: name === "" ? "test" : name,
    kind: SYMBOL_KINDS[kind],
    detail,
    range: rangeOf(document, span),
    selectionRange: rangeOf(document, nameSpan),
    children: children.map((child) => symbolFor(document, child)),
  };
}
