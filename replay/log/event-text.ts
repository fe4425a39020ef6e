/** Events as a log has them: canonical JSON. */
import { canonicalJson } from "../../vm/json/json.ts";
import { floatToData } from "../../vm/json/tagged-json.ts";
import { FloatValue } from "../../vm/value/value.ts";
import { isSurelyShort, jsonText, type PutBlob, type ValueOrBlob } from "./blob-values.ts";
import { eventToJson, type RecordedEvent } from "./event-json.ts";

/** The texts that are the same for every call of a capability. */
interface CallTexts {
  readonly afterArgs: string;
  readonly beforeResult: string;
}

const MAX_KEPT_TEXTS = 1_024;

/**
 * Returns a function with the result of `jsonText(eventToJson(event, inlineBytes, put))`, faster for the events that
 * programs log most: calls and answers whose values are all short scalars are concatenated without a tree of JSON.
 * It throws what those two throw. A test compares both ways.
 */
export function eventTexts(inlineBytes: number, put?: PutBlob): (event: RecordedEvent) => string {
  // A run has few capabilities, but a hostile log may name any number.
  const kept = new Map<string, CallTexts>();
  const textsOf = (capability: string): CallTexts => {
    const found = kept.get(capability);
    if (found !== undefined) return found;
    const name = JSON.stringify(capability);
    const texts = { afterArgs: `],"capability":${name}}}`, beforeResult: `{"CapResult":{"capability":${name},"result":` };
    if (kept.size < MAX_KEPT_TEXTS) kept.set(capability, texts);
    return texts;
  };
  const callText = (event: RecordedEvent & { readonly type: "CapCall" }): string | undefined => {
    let args = '{"CapCall":{"args":[';
    for (const [at, arg] of event.args.entries()) {
      const text = scalarText(arg, inlineBytes);
      if (text === undefined) return undefined;
      args += at === 0 ? text : `,${text}`;
    }
    return args + textsOf(event.capability).afterArgs;
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

/** Undefined unless the value is a scalar that certainly fits into the record. */
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
