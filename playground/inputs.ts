/**
 * The inputs of a run, as JSON:
 *
 *     {
 *       "args": { "path": "note.txt" },
 *       "answers": { "fs.read": ["Meet at noon."], "net.fetch": ["first answer", { "failure": "HTTP 500" }] }
 *     }
 *
 * `args` are the arguments of `main`. `answers` are the answers of capabilities, in the order of their calls. The last answer is repeated.
 */
import { type MockAnswer } from "../gateway/mock.ts";
import { plainAnswer } from "../gateway/plain-values.ts";
import { didYouMean } from "../policy/did-you-mean.ts";
import { BUILTIN_REGISTRY } from "../vm/capabilities.ts";
import { BorunaError } from "../vm/error.ts";
import { jsonToPlain } from "../vm/json/js-interop.ts";
import { isJsonArray, isJsonObject, type JsonData, parseJson } from "../vm/json/json.ts";
import { typeToString } from "../vm/value/type.ts";

export interface Inputs {
  readonly args: ReadonlyMap<string, JsonData>;
  readonly answers: ReadonlyMap<string, readonly MockAnswer[]>;
}

const NONE: ReadonlyMap<string, JsonData> = new Map();

/** Reads the inputs. An empty text means no inputs. Throws `json.*`, `value.form`, `capability.unknown`. */
export function readInputs(text: string): Inputs {
  const data = text.trim() === "" ? NONE : objectOf(parseJson(text), "the inputs");
  for (const name of data.keys())
    if (name !== "args" && name !== "answers")
      throw new BorunaError("value.form", `the inputs have no field ${JSON.stringify(name)}`, HINT);
  const answers = objectOf(data.get("answers") ?? NONE, "answers");
  return {
    args: objectOf(data.get("args") ?? NONE, "args"),
    answers: new Map([...answers].map(([name, list]) => [name, answersOf(name, list)])),
  };
}

const HINT = { hint: 'Write { "args": { … }, "answers": { … } }.' };

function objectOf(data: JsonData, name: string): ReadonlyMap<string, JsonData> {
  if (isJsonObject(data)) return data;
  throw new BorunaError("value.form", `${name}: expected an object`, HINT);
}

function answersOf(name: string, list: JsonData): readonly MockAnswer[] {
  const place = `answers[${JSON.stringify(name)}]`;
  const capability = BUILTIN_REGISTRY.byName.get(name);
  if (capability === undefined || capability.internal === true) {
    const served = BUILTIN_REGISTRY.all.filter(({ internal }) => internal !== true).map((served) => served.name);
    const hint = didYouMean(name, served, "See docs/reference/capabilities.md.");
    throw new BorunaError("capability.unknown", `${place}: no capability of this name takes answers`, { hint });
  }
  if (!isJsonArray(list) || list.length === 0) {
    throw new BorunaError("value.form", `${place}: expected a list of answers`, {
      hint: "The first call gets the first answer, and so on. The last answer is repeated.",
    });
  }
  return list.map((data, i) => {
    if (isJsonObject(data) && data.size === 1 && data.has("failure")) {
      const failure = data.get("failure");
      if (typeof failure !== "string") throw new BorunaError("value.form", `${place}[${i}].failure: expected a text`);
      return { failure };
    }
    const value = jsonToPlain(data);
    if (!capability.signatures.some(({ result }) => !("problem" in plainAnswer(value, result, [])))) {
      const types = [...new Set(capability.signatures.map(({ result }) => typeToString(result)))].join(" or ");
      throw new BorunaError("value.form", `${place}[${i}]: expected ${types}, as JSON`, {
        hint: 'A call that fails is { "failure": "why" }.',
      });
    }
    return { value };
  });
}
