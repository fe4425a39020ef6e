/** Writes events as canonical JSON, the form that they have in a log. */
import { canonicalJson } from "../../vm/json/json.ts";
import { floatToData } from "../../vm/json/tagged-json.ts";
import { FloatValue } from "../../vm/value/value.ts";
import { isSurelyShort, jsonText, type PutBlob, type ValueOrBlob } from "./blob-values.ts";
import { eventToJson, type RecordedEvent } from "./event-json.ts";

/** The parts of the text that are the same for all calls of one capability. */
interface CallTexts {
  readonly afterArgs: string;
  readonly beforeResult: string;
}

const MAX_CACHED_CAPABILITIES = 1_024;

/**
 * Returns a function that computes `jsonText(eventToJson(event, inlineBytes, put))` and throws the same errors. The most frequent events are
 * calls and answers with short scalars only. For these, the function concatenates texts and builds no tree of JSON, which is faster. A test
 * compares both ways.
 */
export function eventTexts(inlineBytes: number, put?: PutBlob): (event: RecordedEvent) => string {
  // `MAX_CACHED_CAPABILITIES` bounds this map, because a hostile log may name any number of capabilities.
  const textsByCapability = new Map<string, CallTexts>();
  const textsOf = (capability: string): CallTexts => {
    const cachedTexts = textsByCapability.get(capability);
    if (cachedTexts !== undefined) return cachedTexts;
    const name = JSON.stringify(capability);
    const texts = { afterArgs: `],"capability":${name}}}`, beforeResult: `{"CapResult":{"capability":${name},"result":` };
    if (textsByCapability.size < MAX_CACHED_CAPABILITIES) textsByCapability.set(capability, texts);
    return texts;
  };
  const callText = (event: RecordedEvent & { readonly type: "CapCall" }): string | undefined => {
    let written = '{"CapCall":{"args":[';
    for (const [index, arg] of event.args.entries()) {
      const text = scalarText(arg, inlineBytes);
      if (text === undefined) return undefined;
      written += index === 0 ? text : `,${text}`;
    }
    return written + textsOf(event.capability).afterArgs;
  };
  const resultText = (event: RecordedEvent & { readonly type: "CapResult" }): string | undefined => {
    const result = scalarText(event.result, inlineBytes);
    return result === undefined ? undefined : `${textsOf(event.capability).beforeResult}${result}}}`;
  };
  return (event) => {
    const text = event.type === "CapCall" ? callText(event) : event.type === "CapResult" ? resultText(event) : undefined;
    return text ?? jsonText(eventToJson(event, inlineBytes, put));
  };
}

/** Returns the JSON of a scalar that is short enough for its record. Undefined for any other value. */
function scalarText(value: ValueOrBlob, inlineBytes: number): string | undefined {
  if (!isSurelyShort(value, inlineBytes)) return undefined;
  switch (typeof value) {
    case "string":
      return `{"String":${JSON.stringify(value)}}`;
    case "boolean":
      return value ? '{"Bool":true}' : '{"Bool":false}';
    case "bigint":
      return `{"Int":${value}}`;
    case "number":
      return Number.isInteger(value) ? `{"Int":${value}}` : undefined;
    case "object":
      return value instanceof FloatValue ? `{"Float":${canonicalJson(floatToData(value))}}` : undefined;
    default:
      return undefined;
  }
}
