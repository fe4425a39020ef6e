/** Events as a log has them: their canonical JSON. */
import { canonicalJson } from "../../vm/json/json.ts";
import { floatToData } from "../../vm/json/tagged-json.ts";
import { FloatValue } from "../../vm/value/value.ts";
import { eventToJson, type StoredEvent } from "./event-json.ts";
import { isShort, jsonText, type PutBlob, type Stored } from "./blob-values.ts";

/** The same for every call of a capability. */
interface CallTexts {
  readonly afterArgs: string;
  readonly beforeResult: string;
}

const KNOWN_CALLS = 1_024;

/**
 * `jsonText(eventToJson(…))`. A capability call and its answer, where they hold short scalars alone, are put together
 * without the tree of JSON between: programs that call much do little else. Throws what the two throw.
 */
export function eventTexts(inlineBytes: number, put?: PutBlob): (event: StoredEvent) => string {
  // As many as a run has capabilities; a hostile log may name any number.
  const known = new Map<string, CallTexts>();
  const textsOf = (capability: string): CallTexts => {
    const found = known.get(capability);
    if (found !== undefined) return found;
    const name = JSON.stringify(capability);
    const texts = { afterArgs: `],"capability":${name}}}`, beforeResult: `{"CapResult":{"capability":${name},"result":` };
    if (known.size < KNOWN_CALLS) known.set(capability, texts);
    return texts;
  };
  const called = (event: StoredEvent & { readonly type: "CapCall" }): string | undefined => {
    let args = '{"CapCall":{"args":[';
    for (const [at, arg] of event.args.entries()) {
      const text = scalarText(arg, inlineBytes);
      if (text === undefined) return undefined;
      args += at === 0 ? text : `,${text}`;
    }
    return args + textsOf(event.capability).afterArgs;
  };
  const answered = (event: StoredEvent & { readonly type: "CapResult" }): string | undefined => {
    const result = scalarText(event.result, inlineBytes);
    return result === undefined ? undefined : `${textsOf(event.capability).beforeResult}${result}}}`;
  };
  return (event) => {
    const text = event.type === "CapCall" ? called(event) : event.type === "CapResult" ? answered(event) : undefined;
    return text ?? jsonText(eventToJson(event, inlineBytes, put));
  };
}

/** Undefined where the value is no scalar, or may be too long to stay in place. */
function scalarText(value: Stored, inlineBytes: number): string | undefined {
  if (!isShort(value, inlineBytes)) return undefined;
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
