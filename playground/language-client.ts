/** The client of the language server, which is in a worker: completion, hovers, signatures, renaming, and mistakes with their fixes. */
import { setDiagnostics } from "@codemirror/lint";
import {
  formatKeymap,
  hoverTooltips,
  jumpToDefinitionKeymap,
  LSPClient,
  LSPPlugin,
  renameKeymap,
  serverCompletion,
  serverDiagnostics,
  signatureHelp,
  type Transport,
} from "@codemirror/lsp-client";
import { type EditorView, keymap } from "@codemirror/view";
import type { Extension } from "@codemirror/state";
import type { CodeAction, CodeActionParams, Diagnostic, PublishDiagnosticsParams, Range } from "vscode-languageserver";
import { cleanHtml } from "./clean-html.ts";
import type { Problem, ToWorker } from "./messages.ts";

const FILE = "file:///main.ax";
/** Time limit of a request, in milliseconds. It is long, because the worker must load before its first answer. */
const TIMEOUT_MS = 60_000;
/** `DiagnosticSeverity.Error` of the Language Server Protocol. */
const SEVERITY_ERROR = 1;

export interface ProgramProblem extends Problem {
  readonly fixes: readonly { readonly title: string; readonly apply: () => void }[];
}

/** Starts the language server and returns the extension of the editor that has the program. */
export function languageSupport(worker: Worker, onProblems: (problems: readonly ProgramProblem[]) => void): Extension {
  const client: LSPClient = new LSPClient({
    timeout: TIMEOUT_MS,
    sanitizeHTML: cleanHtml,
    notificationHandlers: {
      "textDocument/publishDiagnostics": (_, params: PublishDiagnosticsParams) => {
        void showDiagnostics(client, params, onProblems);
        return true;
      },
    },
    extensions: [
      serverCompletion(),
      hoverTooltips(),
      signatureHelp(),
      serverDiagnostics(),
      keymap.of([...formatKeymap, ...renameKeymap, ...jumpToDefinitionKeymap]),
    ],
  });
  client.connect(transportTo(worker));
  return client.plugin(FILE, "ax");
}

/** Returns a transport that converts between the client's JSON texts and the server's objects. */
function transportTo(worker: Worker): Transport {
  const { port1, port2 } = new MessageChannel();
  const handlers = new Set<(text: string) => void>();
  port1.onmessage = ({ data }: MessageEvent<unknown>) => {
    const text = JSON.stringify(data);
    for (const handler of handlers) handler(text);
  };
  worker.postMessage({ kind: "language", port: port2 } satisfies ToWorker, [port2]);
  return {
    send: (text) => port1.postMessage(JSON.parse(text)),
    subscribe: (handler) => void handlers.add(handler),
    unsubscribe: (handler) => void handlers.delete(handler),
  };
}

interface Editor {
  readonly view: EditorView;
  readonly plugin: LSPPlugin;
}

function editorOf(client: LSPClient): (Editor & { readonly version: number }) | undefined {
  const file = client.workspace.getFile(FILE) ?? undefined;
  const view = file?.getView() ?? undefined;
  const plugin = view === undefined ? null : LSPPlugin.get(view);
  return file === undefined || view === undefined || plugin === null ? undefined : { view, plugin, version: file.version };
}

/** Shows diagnostics, unless they are about an older text. */
async function showDiagnostics(
  client: LSPClient,
  { version, diagnostics }: PublishDiagnosticsParams,
  onProblems: (problems: readonly ProgramProblem[]) => void,
): Promise<void> {
  const before = editorOf(client);
  if (before === undefined || before.version !== version) return;
  const end = before.plugin.toPosition(before.plugin.syncedDoc.length, before.plugin.syncedDoc);
  const actions = diagnostics.length === 0 ? [] : await actionsIn(client, { start: { line: 0, character: 0 }, end });
  const editor = editorOf(client);
  if (editor === undefined || editor.version !== version) return;
  const { view, plugin } = editor;
  const shown = diagnostics.map((diagnostic) => ({ diagnostic, titles: titlesOf(actions, diagnostic) }));
  const offsetOf = (position: Range["start"]): number => plugin.unsyncedChanges.mapPos(plugin.fromPosition(position, plugin.syncedDoc));
  view.dispatch(
    setDiagnostics(
      view.state,
      shown.map(({ diagnostic, titles }) => ({
        from: offsetOf(diagnostic.range.start),
        to: offsetOf(diagnostic.range.end),
        severity: severityOf(diagnostic),
        message: messageOf(diagnostic),
        actions: titles.map((title) => ({ name: title, apply: () => void applyFix(client, diagnostic.range, title) })),
      })),
    ),
  );
  onProblems(
    shown.map(({ diagnostic, titles }) => ({
      where: "program",
      severity: severityOf(diagnostic),
      line: diagnostic.range.start.line + 1,
      column: diagnostic.range.start.character + 1,
      message: messageOf(diagnostic),
      hint: undefined,
      fixes: titles.map((title) => ({ title, apply: () => void applyFix(client, diagnostic.range, title) })),
    })),
  );
}

const messageOf = ({ message }: Diagnostic): string => (typeof message === "string" ? message : message.value);

const severityOf = ({ severity }: Diagnostic): Problem["severity"] => (severity === SEVERITY_ERROR ? "error" : "warning");

function titlesOf(actions: readonly CodeAction[], { range, message }: Diagnostic): readonly string[] {
  const isSame = (other: Diagnostic): boolean => other.message === message && JSON.stringify(other.range) === JSON.stringify(range);
  return actions.filter(({ diagnostics }) => diagnostics?.some(isSame) === true).map(({ title }) => title);
}

function actionsIn(client: LSPClient, range: Range): Promise<readonly CodeAction[]> {
  return client.request<CodeActionParams, readonly CodeAction[]>("textDocument/codeAction", {
    textDocument: { uri: FILE },
    range,
    context: { diagnostics: [] },
  });
}

/** Applies the fix with this title. Requests its edits again, so that they fit the current text. */
async function applyFix(client: LSPClient, range: Range, title: string): Promise<void> {
  client.sync();
  const actions = await actionsIn(client, range);
  const edits = actions.find((action) => action.title === title)?.edit?.changes?.[FILE];
  const editor = editorOf(client);
  if (edits === undefined || editor === undefined) return;
  const { view, plugin } = editor;
  const offsetOf = (position: Range["start"]): number => plugin.unsyncedChanges.mapPos(plugin.fromPosition(position, plugin.syncedDoc));
  view.dispatch({
    changes: edits.map((edit) => ({ from: offsetOf(edit.range.start), to: offsetOf(edit.range.end), insert: edit.newText })),
    userEvent: "input.fix",
  });
  view.focus();
}
