/** Serves the Language Server Protocol to an editor. */
import { createConnection, ResponseError } from "vscode-languageserver/node";
import { RequestFailed } from "./connection.ts";
import { DISK_WORKSPACE } from "./disk-workspace.ts";
import { LanguageServer } from "./server.ts";

/** Serves until the client ends the connection. */
export function serve(input: NodeJS.ReadableStream, output: NodeJS.WritableStream): void {
  const connection = createConnection(input, output);
  const server = new LanguageServer(
    {
      onInitialize: (answer) => connection.onInitialize(answer),
      onRequest: (method, answer) =>
        connection.onRequest<unknown, void>(method, (...request: Parameters<typeof answer>) => {
          const answered = answer(...request);
          return answered instanceof Promise ? answered.then(toResponse) : toResponse(answered);
        }),
      onNotification: (method, handle) => connection.onNotification(method, handle),
      publishDiagnostics: (params) => void connection.sendDiagnostics(params),
      afterPendingMessages: (next) => void setImmediate(next),
    },
    DISK_WORKSPACE,
  );
  server.start();
  connection.listen();
}

const toResponse = <A>(answer: A | RequestFailed): A | ResponseError =>
  answer instanceof RequestFailed ? new ResponseError(answer.code, answer.message) : answer;
