import { serve } from "../../lsp/stdio.ts";

/** Serves an editor. Never resolves: the process ends when the editor ends the connection. */
export function lspCommand(): Promise<number> {
  serve(process.stdin, process.stdout);
  return new Promise(() => {});
}
