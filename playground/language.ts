/** The language server in the worker. The program is its only file. */
import { RequestFailed, type ServerConnection, type CancellationToken } from "../lsp/connection.ts";
import { LanguageServer } from "../lsp/server.ts";
import type { Workspace } from "../lsp/workspace.ts";
import { findLibrary, loadLibraries } from "./libraries.ts";
import { PROGRAM_NAME } from "./run.ts";

const METHOD_NOT_FOUND = -32601;

/** Returns a workspace whose only file is the program. Calls `load` with the text whenever the server reads the program. */
const workspaceOf = (load: (program: string) => void): Workspace => ({
  pathOf: (uri) => uri,
  uriOf: (path) => path,
  sources: (path, text) => {
    load(text);
    const source = { name: PROGRAM_NAME, text };
    // A library has no address that an editor could open.
    return { source, resolve: findLibrary, pathOf: (name) => (name === PROGRAM_NAME ? path : `boruna:${name}`) };
  },
  programsIn: () => [],
  textAt: () => undefined,
});

/** A handler of a message. It does not check the parameters, because they come from the page's own client. */
interface Handler {
  run(params: unknown, token: CancellationToken): unknown;
}

/** Serves the client at the other end of the port: messages of JSON-RPC 2.0 as objects. */
export function serveLanguage(port: MessagePort): void {
  const requests = new Map<string, Handler>();
  const notifications = new Map<string, Handler>();
  const canceled = new Set<unknown>();
  const connection: ServerConnection = {
    onInitialize: (run) => requests.set("initialize", { run }),
    onRequest: (method, run) => requests.set(method, { run }),
    onNotification: (method, run) => notifications.set(method, { run }),
    publishDiagnostics: (params) => port.postMessage({ jsonrpc: "2.0", method: "textDocument/publishDiagnostics", params }),
    afterPendingMessages: (next) => setTimeout(next),
  };
  const answer = async (id: unknown, method: string, params: unknown): Promise<void> => {
    const handler = requests.get(method);
    const token = {
      get isCancellationRequested(): boolean {
        return canceled.has(id);
      },
    };
    const result = handler === undefined ? new RequestFailed(METHOD_NOT_FOUND, `no request ${method}`) : await handler.run(params, token);
    canceled.delete(id);
    port.postMessage({ jsonrpc: "2.0", id, ...(result instanceof RequestFailed ? { error: { ...result } } : { result }) });
  };
  port.onmessage = ({ data }: MessageEvent<unknown>) => {
    if (!isMessage(data)) return;
    const { id, method, params } = data;
    if (id !== undefined) void answer(id, method, params);
    else if (method === "$/cancelRequest" && isCancellation(params)) canceled.add(params.id);
    else notifications.get(method)?.run(params, { isCancellationRequested: false });
  };
  const load = async (program: string): Promise<void> => {
    if (!(await loadLibraries(program))) return;
    // The program is checked again, as if the files of the libraries were new.
    notifications.get("workspace/didChangeWatchedFiles")?.run({ changes: [] }, { isCancellationRequested: false });
  };
  new LanguageServer(
    connection,
    workspaceOf((program) => void load(program)),
  ).start();
}

interface Message {
  readonly id?: unknown;
  readonly method: string;
  readonly params?: unknown;
}

const isMessage = (data: unknown): data is Message =>
  typeof data === "object" && data !== null && "method" in data && typeof data.method === "string";

const isCancellation = (params: unknown): params is { readonly id: unknown } =>
  typeof params === "object" && params !== null && "id" in params;
