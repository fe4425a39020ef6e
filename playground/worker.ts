/**
 * The worker of the page. The page starts it twice: one worker is the language server and checks the policy and the inputs, the other runs
 * the program, so that a program that does not end can be ended with its worker.
 */
import { problemsOf } from "./check.ts";
import { serveLanguage } from "./language.ts";
import { type FromWorker, isToWorker } from "./messages.ts";
import { runSources } from "./run.ts";

const stopped = new AbortController();
const send = (message: FromWorker): void => postMessage(message);

addEventListener("message", ({ data }: MessageEvent<unknown>) => {
  if (!isToWorker(data)) return;
  switch (data.kind) {
    case "language":
      serveLanguage(data.port);
      return;
    case "check":
      send({ kind: "checked", problems: problemsOf(data.sources) });
      return;
    case "run":
      void runSources(data.sources, { signal: stopped.signal, send });
      return;
    case "stop":
      stopped.abort();
      return;
  }
});
