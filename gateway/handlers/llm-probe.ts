/** Finds out whether the endpoint of `llm.call` can be reached, by asking for its list of models, which costs nothing. */
import { isJsonObject, type JsonData, parseJson } from "../../vm/json/json.ts";
import { BorunaError } from "../../vm/error.ts";
import { CapabilityFailure } from "../handlers.ts";
import { readBody, utf8Body } from "./http-body.ts";
import { httpFailure } from "./http-failure.ts";
import { endpointOf } from "./llm-call.ts";

const MAX_LIST_BYTES = 4_194_304;

interface LlmEndpoint {
  readonly url: string | undefined;
  readonly key: string | undefined;
}

/**
 * Returns the names of the endpoint's models; undefined if it has no list of them. Throws `CapabilityFailure` if it cannot be reached or
 * refuses the key, and when `signal` is aborted.
 */
export async function listModels({ url, key }: LlmEndpoint, signal: AbortSignal): Promise<readonly string[] | undefined> {
  const endpoint = endpointOf(url);
  endpoint.pathname = endpoint.pathname.replace(/\/chat\/completions$/, "/models");
  const { request } = await import("undici");
  try {
    const headers = key === undefined || key === "" ? {} : { authorization: `Bearer ${key}` };
    const { statusCode: status, headers: answerHeaders, body } = await request(endpoint, { headers, signal });
    const encoding = answerHeaders["content-encoding"];
    const bytes = await readBody(body, typeof encoding === "string" ? encoding : "", MAX_LIST_BYTES);
    if (status >= 200 && status <= 299) return modelsOf(utf8Body(bytes));
    if (status === 401 || status === 403) throw new CapabilityFailure(`HTTP ${status}: the endpoint refuses the key`);
    if (status === 404 || status === 405) return undefined;
    throw new CapabilityFailure(`HTTP ${status}`);
  } catch (error) {
    throw signal.aborted ? new CapabilityFailure("no answer in time") : httpFailure(error);
  }
}

function modelsOf(text: string): readonly string[] | undefined {
  const list = jsonOf(text);
  const data = list !== undefined && isJsonObject(list) ? list.get("data") : undefined;
  if (!Array.isArray(data)) return undefined;
  const models: readonly JsonData[] = data;
  return models.flatMap((model) => {
    const id = isJsonObject(model) ? model.get("id") : undefined;
    return typeof id === "string" ? [id] : [];
  });
}

function jsonOf(text: string): JsonData | undefined {
  try {
    return parseJson(text);
  } catch (error) {
    if (error instanceof BorunaError) return undefined;
    throw error;
  }
}
