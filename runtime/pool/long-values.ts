/**
 * Sends the values of messages between a pool and its workers. A long value goes ahead of its message in pieces. So the messages of other runs
 * need not wait for all of it, and neither side works on it for long at a time. The receiver answers each piece with `taken`; then the sender
 * makes and sends another one. Runs with long values take turns.
 */
import { valueBytes } from "../../gateway/logged-bytes.ts";
import { BorunaError } from "../../vm/error.ts";
import type { Value } from "../../vm/value/value.ts";
import type { PieceMessage, WireValue } from "./messages.ts";
import { type MeasuredValue, PIECE_UNITS, type Piece, type PieceOptions, PieceReader, piecesOf } from "./value-pieces.ts";
import type { Isolation } from "./worker-link.ts";

/** The pieces that were sent and not taken, at most. With two, the receiver has work while the next is on its way. */
const MAX_UNTAKEN = 2;

/**
 * A pipe takes a text in parts, else other messages would wait for all of it. A thread gets it at once, because V8 copies it in less time than
 * it joins parts. Bytes outside V8's heap would take less time still, but they cause full garbage collections, which are slow in a large heap.
 */
const MAX_TEXT_UNITS: Readonly<Record<Isolation, number>> = { thread: Number.POSITIVE_INFINITY, process: PIECE_UNITS };

/** The long values of a message, in the order in which the message has them. */
export type LongValues = Iterator<Piece>[];

function* startingWith(first: Piece, rest: IterableIterator<Piece>): IterableIterator<Piece> {
  yield first;
  yield* rest;
}

/** A message that waits until its long values have been sent. */
interface Waiting<Message> {
  readonly message: Message;
  readonly long: LongValues;
}

/** Sends the messages of the runs of a worker in one direction. */
export class Outbox<Message extends { readonly run: number }> {
  readonly #post: (message: Message | PieceMessage) => void;
  readonly #options: PieceOptions;
  /** The messages that wait, by run. The run whose piece is next comes first. */
  readonly #waiting = new Map<number, Waiting<Message>[]>();
  #untaken = 0;

  /** `countsBytes`: whether the other side needs to know the bytes of the values. */
  constructor(isolation: Isolation, countsBytes: boolean, post: (message: Message | PieceMessage) => void) {
    this.#options = { maxTextUnits: MAX_TEXT_UNITS[isolation], countsBytes };
    this.#post = post;
  }

  /** Returns the form of a value in a message: null for a long value, whose pieces it adds to `long`. The value must be serializable. */
  wireValue(value: Value, long: LongValues): WireValue {
    if (typeof value !== "object" && !(typeof value === "string" && value.length > PIECE_UNITS)) return value;
    const pieces = piecesOf(value, this.#options);
    const first = pieces.next();
    if (first.done !== true && first.value.isLast && typeof value === "object") return first.value;
    if (first.done !== true) long.push(startingWith(first.value, pieces));
    return null;
  }

  /** Sends a message after those of the same run that wait. */
  send(message: Message, long: LongValues = []): void {
    const { run } = message;
    const waiting = this.#waiting.get(run);
    if (waiting !== undefined) waiting.push({ message, long });
    else if (long.length === 0) this.#post(message);
    else {
      this.#waiting.set(run, [{ message, long }]);
      this.#sendPieces();
    }
  }

  /** The other side has taken a piece. */
  taken(): void {
    this.#untaken -= 1;
    this.#sendPieces();
  }

  /** Drops the messages of a run that wait. */
  forget(run: number): void {
    this.#waiting.delete(run);
  }

  #sendPieces(): void {
    for (const [run, waiting] of this.#waiting) {
      if (this.#untaken >= MAX_UNTAKEN) return;
      this.#sendPiece(run, waiting[0]?.long ?? []);
      for (let first = waiting[0]; first?.long.length === 0; first = waiting[0]) {
        this.#post(first.message);
        waiting.shift();
      }
      // A run that is deleted and set again moves to the end of the map, where this loop reaches it once more.
      this.#waiting.delete(run);
      if (waiting.length > 0) this.#waiting.set(run, waiting);
    }
  }

  #sendPiece(run: number, long: LongValues): void {
    const next = long[0]?.next();
    if (next === undefined || next.done === true) return;
    this.#post({ type: "piece", run, piece: next.value });
    this.#untaken += 1;
    if (next.value.isLast) long.shift();
  }
}

/** Reads the values in the messages of one run. */
export class Inbox {
  /** The long values whose message has not come yet, in order. */
  readonly #long: MeasuredValue[] = [];
  #reader = new PieceReader();

  /** Throws `internal` if the piece does not fit the ones before it. */
  add(piece: Piece): void {
    const value = this.#reader.add(piece);
    if (value === undefined) return;
    this.#long.push(value);
    this.#reader = new PieceReader();
  }

  /** Reads a value of a message. It must be called once for each value, in the order in which they were written. */
  read(wire: WireValue): MeasuredValue {
    if (typeof wire !== "object") return { value: wire, bytes: valueBytes(wire) };
    const read = wire === null ? this.#long.shift() : new PieceReader().add(wire);
    if (read === undefined) throw new BorunaError("internal", "a message of a pool came before its value");
    return read;
  }
}
