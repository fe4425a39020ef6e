/**
 * The debug adapter: speaks the Debug Adapter Protocol (DAP) on two streams. Each message is JSON, after a header with its length. The
 * package `@vscode/debugadapter` reads and writes the messages; `adapter.ts` answers them.
 */
import { DebugSession, Event, Response } from "@vscode/debugadapter";
import type { DebugProtocol } from "@vscode/debugprotocol";
import { type Readable, Transform, type TransformCallback, type Writable } from "node:stream";
import { BorunaError } from "../vm/error.ts";
import { Adapter, type AdapterOptions } from "./adapter.ts";

/** Limits on a message, and on the header before it. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
const MAX_HEADER_BYTES = 1_024;

class Session extends DebugSession {
  readonly #adapter: Adapter;
  readonly #onDisconnect: () => void;

  constructor(options: AdapterOptions, onDisconnect: () => void) {
    super();
    // Without this call, the package would end the process when the client disconnects. `serveDebugAdapter` only resolves its promise then.
    this.setRunAsServer(true);
    this.#onDisconnect = onDisconnect;
    this.#adapter = new Adapter(options, (event, body) => this.sendEvent(new Event(event, body)));
  }

  protected override dispatchRequest(request: DebugProtocol.Request): void {
    // The package checks only that `type` is "request", so `command` may be anything.
    const { command }: { readonly command: unknown } = request;
    const response = new Response(request);
    this.#adapter.request(typeof command === "string" ? command : "", request.arguments).then(
      (body) => {
        this.sendResponse(body === undefined ? response : Object.assign(response, { body }));
        if (command === "disconnect") this.#onDisconnect();
      },
      (error: unknown) => this.#refuse(response, error),
    );
  }

  #refuse(response: DebugProtocol.Response, error: unknown): void {
    const text =
      error instanceof BorunaError && error.kind !== "internal"
        ? [error.message, error.hint].filter((part) => part !== undefined).join(". ")
        : "internal error of the debugger";
    const kind = error instanceof BorunaError ? error.kind : "internal";
    this.sendErrorResponse(response, { id: 1, format: "{_text}", variables: { _text: text, _kind: kind }, showUser: true });
  }
}

/**
 * Serves one client until it disconnects or closes the input. Rejects with `usage` if the input does not follow the protocol: then nobody
 * knows where the next message starts.
 */
export function serveDebugAdapter(input: Readable, output: Writable, options: AdapterOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const session = new Session(options, resolve);
    const refuse = (): void =>
      reject(new BorunaError("usage", "the input is not the Debug Adapter Protocol", { hint: "An editor starts this command." }));
    session.on("error", refuse);
    session.on("close", () => resolve());
    session.start(input.on("error", refuse).pipe(new MessageBounds()).on("end", resolve), output);
  });
}

/** Passes the input on. Fails at a header that is too long, has no length, or has a length of more than `MAX_MESSAGE_BYTES`. */
class MessageBounds extends Transform {
  #header = "";
  /** The number of bytes of the current message that are still missing; 0 while a header is being read. */
  #bytesLeft = 0;

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    for (let offset = 0; offset < chunk.length; ) {
      if (this.#bytesLeft > 0) {
        const byteCount = Math.min(this.#bytesLeft, chunk.length - offset);
        this.#bytesLeft -= byteCount;
        offset += byteCount;
        continue;
      }
      this.#header += String.fromCharCode(chunk[offset++] ?? 0);
      if (!this.#header.endsWith("\r\n\r\n")) {
        if (this.#header.length <= MAX_HEADER_BYTES) continue;
        done(new Error("a header that does not end"));
        return;
      }
      const [, length] = /^Content-Length: (\d{1,9})\r$/m.exec(this.#header) ?? [];
      this.#header = "";
      this.#bytesLeft = Number(length ?? 0);
      if (this.#bytesLeft > 0 && this.#bytesLeft <= MAX_MESSAGE_BYTES) continue;
      done(new Error("a message of this length is not read"));
      return;
    }
    done(undefined, chunk);
  }
}
