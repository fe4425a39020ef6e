/** Counts the bytes that a run prints with `debug` and sends with `emit`, against the limit `max_output_bytes`. */
import type { RunEvent } from "../vm/events.ts";
import type { HostStop } from "../vm/host.ts";
import { utf8Length } from "../vm/value/utf8.ts";
import { valueBytes } from "./logged-bytes.ts";

export class OutputMeter {
  readonly #maxBytes: number;
  /** Bytes printed and emitted so far. */
  bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Counts a line of `debug`. Returns why the run must stop, or undefined. */
  print(text: string): HostStop | undefined {
    return this.#add(utf8Length(text) + 1);
  }

  /** Counts a value that the program emits. Returns why the run must stop, or undefined. */
  emit(event: RunEvent & { readonly type: "UiEmit" }): HostStop | undefined {
    return this.#add(valueBytes(event.tree));
  }

  #add(bytes: number): HostStop | undefined {
    this.bytes += bytes;
    if (this.bytes <= this.#maxBytes) return undefined;
    return { trap: "output_limit", message: `output limit exceeded: more than ${this.#maxBytes} bytes emitted or printed` };
  }
}
