/** A client without an editor. It drives a server in this process over two streams, and validates every message of the server. */
import { PassThrough } from "node:stream";
import {
  CancellationTokenSource,
  createProtocolConnection,
  type PublishDiagnosticsParams,
  StreamMessageReader,
  StreamMessageWriter,
} from "vscode-languageserver/node";
import { serve } from "../../lsp/stdio.ts";
import { answerProblem, notificationProblem } from "./meta-model.ts";

export interface Position {
  readonly line: number;
  readonly character: number;
}

export class Client {
  readonly #connection;
  /** What is wrong with messages of the server. */
  readonly problems: string[] = [];
  /** All published diagnostics, in order. */
  readonly published: PublishDiagnosticsParams[] = [];
  readonly #waiting: { readonly uri: string; readonly version: number; readonly resolve: (params: PublishDiagnosticsParams) => void }[] =
    [];
  readonly #streams = [new PassThrough(), new PassThrough()] as const;

  constructor() {
    const [input, output] = this.#streams;
    serve(input, output);
    this.#connection = createProtocolConnection(new StreamMessageReader(output), new StreamMessageWriter(input));
    this.#connection.onNotification("textDocument/publishDiagnostics", (params: PublishDiagnosticsParams) => {
      const problem = notificationProblem("textDocument/publishDiagnostics", params);
      if (problem !== undefined) this.problems.push(problem);
      this.published.push(params);
      for (const waiting of this.#waiting) if (waiting.uri === params.uri && waiting.version === params.version) waiting.resolve(params);
    });
    this.#connection.listen();
  }

  async start(folder: string | null = null): Promise<void> {
    await this.request("initialize", {
      processId: null,
      rootUri: folder,
      capabilities: {},
      workspaceFolders: folder === null ? null : [{ uri: folder, name: "test" }],
    });
    await this.#connection.sendNotification("initialized", {});
  }

  async request(method: string, params: object): Promise<unknown> {
    const result: unknown = await this.#connection.sendRequest(method, params);
    const problem = answerProblem(method, result);
    if (problem !== undefined) this.problems.push(problem);
    return result;
  }

  /** Sends a request and cancels it at once. Returns whether the server refused to answer it. */
  async canceled(method: string, params: object): Promise<boolean> {
    const source = new CancellationTokenSource();
    const answer = this.#connection.sendRequest(method, params, source.token);
    source.cancel();
    try {
      await answer;
      return false;
    } catch (error) {
      return error instanceof Error && "code" in error && error.code === -32800;
    }
  }

  /** Opens a file and waits for its diagnostics. */
  async open(uri: string, text: string): Promise<PublishDiagnosticsParams> {
    const published = this.diagnostics(uri, 1);
    await this.#connection.sendNotification("textDocument/didOpen", { textDocument: { uri, languageId: "ax", version: 1, text } });
    return published;
  }

  async change(uri: string, version: number, start: Position, end: Position, text: string): Promise<void> {
    await this.#connection.sendNotification("textDocument/didChange", {
      textDocument: { uri, version },
      contentChanges: [{ range: { start, end }, text }],
    });
  }

  /** Waits for the diagnostics of a version. */
  diagnostics(uri: string, version: number): Promise<PublishDiagnosticsParams> {
    return new Promise((resolve) => this.#waiting.push({ uri, version, resolve }));
  }

  close(): void {
    this.#connection.dispose();
  }
}

/** Returns the position of an offset. */
export function positionOf(text: string, offset: number): Position {
  const before = text.slice(0, offset).split("\n");
  return { line: before.length - 1, character: before.at(-1)?.length ?? 0 };
}
