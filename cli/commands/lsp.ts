import { serve } from "../../lsp/server.ts";

/** Serves until the editor ends the connection, which ends the process. */
export function lspCommand(): Promise<number> {
  serve(process.stdin, process.stdout);
  return new Promise(() => {});
}
