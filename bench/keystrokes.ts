/**
 * Measures how long the language server takes from a keystroke to the diagnostics, for files of 2,000 and 20,000 lines:
 *
 *     npm run bench:lsp
 *
 * A headless client types a statement into the middle of a function, character by character, and then a wrong name and its correction.
 * CPU time is shown beside the time that passed, because other work on the machine does not change it.
 */
import { PassThrough } from "node:stream";
import { serve } from "../lsp/stdio.ts";

const FIELDS = 4;

function sourceOf(lineCount: number): string {
  const parts: string[] = [];
  let lines = 0;
  for (let i = 0; lines < lineCount; i++) {
    const fields = Array.from({ length: FIELDS }, (_, k) => `f${k}: Int`).join(", ");
    const part = `${i % 10 === 0 ? `type R${i} { ${fields} }\n` : ""}// Computes the value ${i}.
fn value${i}(n: Int, text: String) -> Int {
  let m = if n > ${i} { n * 2 + ${i} } else { string.len(text) - n }
  let r = R${i - (i % 10)} { f0: m, f1: n, f2: 3, f3: ${i} }
  let parts = list.map([m, n, r.f0], fn(x) { x + r.f1 })
  match m % 3 {
    0 => m + list.len(parts),
    1 => ${i === 0 ? "m" : `value${i - 1}(m, text)`},
    _ => r.f2 + 1
  }
}

`;
    parts.push(part);
    lines += part.split("\n").length - 1;
  }
  return parts.join("");
}

interface Message {
  readonly method?: string;
  readonly params?: { readonly version?: number };
}

const isMessage = (value: unknown): value is Message => typeof value === "object" && value !== null;

/** A connection that sends messages and calls `onMessage` for each that arrives. */
function connect(onMessage: (message: Message) => void): (message: object) => void {
  const [input, output] = [new PassThrough(), new PassThrough()];
  serve(input, output);
  let received = Buffer.alloc(0);
  output.on("data", (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    for (;;) {
      const headEnd = received.indexOf("\r\n\r\n");
      const length = Number(/Content-Length: (\d+)/.exec(received.subarray(0, Math.max(0, headEnd)).toString())?.[1] ?? Number.NaN);
      if (headEnd < 0 || received.length < headEnd + 4 + length) return;
      const message: unknown = JSON.parse(received.subarray(headEnd + 4, headEnd + 4 + length).toString());
      if (isMessage(message)) onMessage(message);
      received = received.subarray(headEnd + 4 + length);
    }
  });
  return (message) => {
    const text = JSON.stringify({ jsonrpc: "2.0", ...message });
    input.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
  };
}

const TYPED = "\n  let extra = value1(m, text) + r.f3\n  let _ = extra + missing";

interface Keystroke {
  readonly passedMs: number;
  readonly cpuMs: number;
}

async function keystrokes(lineCount: number): Promise<readonly Keystroke[]> {
  const waiting = new Map<number, () => void>();
  const send = connect(({ method, params }) => {
    if (method === "textDocument/publishDiagnostics") waiting.get(params?.version ?? -1)?.();
  });
  const published = (version: number): Promise<void> => new Promise((resolve) => waiting.set(version, resolve));
  const uri = "untitled:bench.ax";
  const text = sourceOf(lineCount);
  send({ id: 1, method: "initialize", params: { processId: null, rootUri: null, capabilities: {} } });
  const first = published(1);
  send({ method: "textDocument/didOpen", params: { textDocument: { uri, languageId: "ax", version: 1, text } } });
  await first;
  const lines = text.split("\n");
  const times: Keystroke[] = [];
  let version = 1;
  const change = async (start: object, end: object, inserted: string): Promise<void> => {
    version += 1;
    const done = published(version);
    const cpu = process.cpuUsage();
    const began = performance.now();
    send({
      method: "textDocument/didChange",
      params: { textDocument: { uri, version }, contentChanges: [{ range: { start, end }, text: inserted }] },
    });
    await done;
    const used = process.cpuUsage(cpu);
    times.push({ passedMs: performance.now() - began, cpuMs: (used.user + used.system) / 1_000 });
  };
  for (const share of [0.02, 0.3, 0.5, 0.9]) {
    let line = lines.findIndex((candidate, i) => i > share * lines.length && candidate.startsWith("  let r = "));
    let character = lines[line]?.length ?? 0;
    for (const sign of TYPED) {
      await change({ line, character }, { line, character }, sign);
      if (sign === "\n") [line, character] = [line + 1, 0];
      else character += 1;
    }
    for (let i = 0; i < "missing".length; i++) {
      await change({ line, character: character - 1 }, { line, character }, "");
      character -= 1;
    }
  }
  return times;
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}

for (const lineCount of [2_000, 20_000]) {
  await keystrokes(lineCount);
  const times = await keystrokes(lineCount);
  const row = (pick: (time: Keystroke) => number): string => {
    const values = times.map(pick);
    return `median ${percentile(values, 0.5).toFixed(1)} ms, p95 ${percentile(values, 0.95).toFixed(1)} ms, longest ${Math.max(...values).toFixed(1)} ms`;
  };
  process.stdout.write(
    `${lineCount} lines, ${times.length} keystrokes\n  passed: ${row((time) => time.passedMs)}\n  CPU:    ${row((time) => time.cpuMs)}\n`,
  );
}
process.exit(0);
