/**
 * Writes usual values as JSON in one pass. The writer charges nothing: it counts, and `json.stringify` then charges. It gives up at anything
 * unusual, such as deep nesting or a value that no Json contains. Then `stringifyExactly` starts from the beginning.
 */
import { BYTES, UNITS, UNITS_PER_STEP } from "../cost.ts";
import { canonicalJson } from "../json/json.ts";
import { ListValue } from "../value/list.ts";
import { MapValue } from "../value/map.ts";
import { TextBuilder } from "../value/text-chunks.ts";
import { FloatValue, isInt, UnitValue, type Value } from "../value/value.ts";

/** Limits on the code units and the nesting of the text. The writer gives up beyond them. */
const MAX_UNITS = 2 ** 20;
const MAX_DEPTH = 200;
/** The maximum length of `#piece` before it is moved to `#written`. V8 holds all parts of an appended text until that text is read. */
const PIECE_UNITS = 4_096;

/**
 * Returns the text, the steps to charge for it, and the bytes to charge in addition to those of an empty text. Returns undefined if it gives
 * up. Nothing is charged before the end, so it also gives up at about the length that `maxSteps` can pay for.
 */
export function writeUsualJson(
  value: Value,
  maxSteps: number,
): { readonly text: string; readonly steps: number; readonly bytes: number } | undefined {
  const writer = new Writer(Math.min(MAX_UNITS, (maxSteps * UNITS_PER_STEP) / UNITS.convertedCodeUnit));
  return writer.value(value, 0) ? writer.end() : undefined;
}

/** For a longer text, `JSON.stringify` takes less time than a loop. */
const MAX_LOOP_UNITS = 32;

/** Whether a text is short, and JSON has no escapes for it. */
function isPlain(text: string): boolean {
  if (text.length > MAX_LOOP_UNITS) return false;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x20 || unit > 0x7e || unit === 0x22 || unit === 0x5c) return false;
  }
  return true;
}

class Writer {
  readonly #maxUnits: number;
  readonly #written = new TextBuilder();
  #piece = "";
  /** The number of values, and the code units of all their Strings and keys. */
  #values = 0;
  #sourceUnits = 0;

  constructor(maxUnits: number) {
    this.#maxUnits = maxUnits;
  }

  end(): { readonly text: string; readonly steps: number; readonly bytes: number } {
    this.#written.add(this.#piece);
    const { length } = this.#written;
    const units = this.#values * UNITS.value + (length + this.#sourceUnits) * UNITS.convertedCodeUnit;
    return { text: this.#written.toString(), steps: Math.floor(units / UNITS_PER_STEP), bytes: length * BYTES.codeUnit };
  }

  /** Writes a value. Returns false to give up. */
  value(value: Value, depth: number): boolean {
    this.#values += 1;
    if (this.#piece.length > PIECE_UNITS) {
      this.#written.add(this.#piece);
      this.#piece = "";
    }
    if (this.#written.length > this.#maxUnits) return false;
    if (typeof value === "string") return this.#string(value);
    if (typeof value === "boolean" || isInt(value)) this.#piece += String(value);
    else if (value instanceof UnitValue) this.#piece += "null";
    else if (value instanceof FloatValue) this.#piece += Number.isFinite(value.value) ? canonicalJson(value) : "null";
    else if (depth === MAX_DEPTH) return false;
    else if (value instanceof ListValue) return this.#list(value, depth);
    else if (value instanceof MapValue) return this.#object(value, depth);
    else return false;
    return true;
  }

  #string(text: string): boolean {
    this.#sourceUnits += text.length;
    if (text.length > this.#maxUnits) return false;
    this.#piece += isPlain(text) ? `"${text}"` : JSON.stringify(text);
    return true;
  }

  #list(list: ListValue, depth: number): boolean {
    this.#piece += "[";
    for (let i = 0; i < list.length; i++) {
      if (i > 0) this.#piece += ",";
      const item = list.get(i);
      if (item === undefined || !this.value(item, depth + 1)) return false;
    }
    this.#piece += "]";
    return true;
  }

  #object(object: MapValue, depth: number): boolean {
    let separator = "{";
    let isUsual = true;
    object.forEach((key, member) => {
      if (!isUsual) return;
      this.#piece += separator;
      separator = ",";
      isUsual = this.#string(key);
      this.#piece += ":";
      isUsual &&= this.value(member, depth + 1);
    });
    this.#piece += separator === "{" ? "{}" : "}";
    return isUsual;
  }
}
