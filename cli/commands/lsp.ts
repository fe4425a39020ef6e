import { serve } from "../../lsp/stdio.ts";

/** Serves until the editor ends the connection, which ends the process. */
export function lspCommand(): Promise<number> {
  serve(process.stdin, process.stdout);
  return new Promise(() => {});
}
