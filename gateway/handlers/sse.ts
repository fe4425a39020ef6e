/** Reads server-sent events (the `text/event-stream` format of the HTML standard). Only the data of the events is used. */
import { CapabilityFailure } from "../handlers.ts";

/** Limit on one event, in UTF-16 code units. */
const MAX_EVENT_UNITS = 1_048_576;

/** Yields the data of each event. Throws `CapabilityFailure` for a line or an event that is too long, and for bytes that are not UTF-8. */
export async function* eventData(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const splitter = new LineSplitter();
  let data: string[] = [];
  let units = 0;
  for await (const line of linesOf(chunks, splitter)) {
    if (line === "") {
      if (data.length > 0) yield data.join("\n");
      data = [];
      units = 0;
      continue;
    }
    const fieldName = /^data(?:: ?|$)/.exec(line);
    if (fieldName === null) continue;
    data.push(line.slice(fieldName[0].length));
    units += line.length;
    if (units > MAX_EVENT_UNITS) throw tooLong();
  }
  // Some servers leave out the empty line after the last event.
  if (data.length > 0) yield data.join("\n");
}

const tooLong = (): CapabilityFailure => new CapabilityFailure(`an event of the response is longer than ${MAX_EVENT_UNITS} characters`);

async function* linesOf(chunks: AsyncIterable<Uint8Array>, splitter: LineSplitter): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const decode = (bytes: Uint8Array | undefined): string => {
    try {
      return decoder.decode(bytes, { stream: bytes !== undefined });
    } catch {
      throw new CapabilityFailure("the response is not UTF-8 text");
    }
  };
  for await (const chunk of chunks) yield* splitter.push(decode(chunk));
  yield* splitter.push(decode(undefined));
  if (splitter.rest !== "") yield splitter.rest;
}

/** Splits text at LF, CR and CRLF. Looks at each character once, however the text is cut into pieces. */
class LineSplitter {
  /** The line that has not ended. */
  rest = "";
  /** Whether the last character was a CR, so that an LF at the start of the next piece belongs to it. */
  #endsWithCr = false;

  push(piece: string): readonly string[] {
    if (piece === "") return [];
    const text = this.#endsWithCr && piece.startsWith("\n") ? piece.slice(1) : piece;
    this.#endsWithCr = piece.endsWith("\r");
    const [first = "", ...others] = text.split(/\r\n|\n|\r/);
    const lines = [this.rest + first, ...others];
    this.rest = lines.pop() ?? "";
    if (this.rest.length > MAX_EVENT_UNITS) throw tooLong();
    return lines;
  }
}
