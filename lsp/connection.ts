/**
 * The connection over which messages of the Language Server Protocol reach the server. `stdio.ts` implements it for editors, with the package
 * of the protocol. That package is large, so the playground has its own implementation.
 */
import type {
  CodeAction,
  CodeActionParams,
  CodeLens,
  CodeLensParams,
  CompletionItem,
  CompletionParams,
  DefinitionParams,
  DidChangeTextDocumentParams,
  DidChangeWatchedFilesParams,
  DidCloseTextDocumentParams,
  DidOpenTextDocumentParams,
  DocumentFormattingParams,
  DocumentSymbol,
  DocumentSymbolParams,
  Hover,
  HoverParams,
  InitializeParams,
  InitializeResult,
  InlayHint,
  InlayHintParams,
  Location,
  PrepareRenameParams,
  PublishDiagnosticsParams,
  Range,
  ReferenceParams,
  RenameParams,
  SemanticTokens,
  SemanticTokensParams,
  SignatureHelp,
  SignatureHelpParams,
  TextEdit,
  WorkspaceEdit,
} from "vscode-languageserver";

/** For each request, by method: its parameters and its answer. */
export interface Requests {
  readonly "textDocument/hover": readonly [HoverParams, Hover | null];
  readonly "textDocument/completion": readonly [CompletionParams, readonly CompletionItem[]];
  readonly "textDocument/signatureHelp": readonly [SignatureHelpParams, SignatureHelp | null];
  readonly "textDocument/definition": readonly [DefinitionParams, readonly Location[]];
  readonly "textDocument/references": readonly [ReferenceParams, readonly Location[]];
  readonly "textDocument/prepareRename": readonly [PrepareRenameParams, Range | null];
  readonly "textDocument/rename": readonly [RenameParams, WorkspaceEdit | null];
  readonly "textDocument/documentSymbol": readonly [DocumentSymbolParams, readonly DocumentSymbol[]];
  readonly "textDocument/codeAction": readonly [CodeActionParams, readonly CodeAction[]];
  readonly "textDocument/formatting": readonly [DocumentFormattingParams, readonly TextEdit[]];
  readonly "textDocument/codeLens": readonly [CodeLensParams, readonly CodeLens[]];
  readonly "textDocument/inlayHint": readonly [InlayHintParams, readonly InlayHint[]];
  readonly "textDocument/semanticTokens/full": readonly [SemanticTokensParams, SemanticTokens];
}

/** For each notification, by method: its parameters. */
export interface Notifications {
  readonly "textDocument/didOpen": DidOpenTextDocumentParams;
  readonly "textDocument/didChange": DidChangeTextDocumentParams;
  readonly "textDocument/didClose": DidCloseTextDocumentParams;
  readonly "workspace/didChangeWatchedFiles": DidChangeWatchedFilesParams;
}

/** Says whether the client has canceled a request. */
export interface CancellationToken {
  readonly isCancellationRequested: boolean;
}

/** The answer to a request that failed. */
export class RequestFailed {
  readonly code: number;
  readonly message: string;
  constructor(code: number, message: string) {
    this.code = code;
    this.message = message;
  }
}

export type Answer<M extends keyof Requests> = Requests[M][1] | RequestFailed;

export interface ServerConnection {
  onInitialize(answer: (params: InitializeParams) => InitializeResult): void;
  onRequest<M extends keyof Requests>(
    method: M,
    answer: (params: Requests[M][0], token: CancellationToken) => Answer<M> | Promise<Answer<M>>,
  ): void;
  onNotification<M extends keyof Notifications>(method: M, handle: (params: Notifications[M]) => void): void;
  publishDiagnostics(params: PublishDiagnosticsParams): void;
  /** Calls `next` after the messages that have already arrived were read. */
  afterPendingMessages(next: () => void): void;
}
