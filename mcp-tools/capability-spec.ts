/** The capability of an imported tool. It takes the arguments as one Json and answers with a Json. */
import type { CapabilitySpec } from "../gateway/own-capabilities.ts";
import { jsonToPlain } from "../vm/json/js-interop.ts";
import type { DeclaredTool } from "./declaration.ts";

/** Returns the declaration of the capability. `handler` makes live calls. */
export function capabilitySpec(tool: DeclaredTool, handler?: CapabilitySpec["handler"]): CapabilitySpec {
  return {
    name: tool.capability,
    version: tool.pin,
    params: [{ name: "args", type: "Json" }],
    result: "Json",
    mayRepeat: tool.mayRepeat,
    doc: tool.doc,
    mock: () => jsonToPlain(tool.mock),
    ...(handler === undefined ? {} : { handler }),
  };
}
