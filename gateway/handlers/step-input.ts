/** `step.input`: returns the named inputs of the run. */
import { canonicalJson, type JsonData } from "../../vm/json/json.ts";
import { CapabilityFailure, type MachineFunction } from "../handlers.ts";

export function stepInputHandler(inputs: ReadonlyMap<string, JsonData>): MachineFunction {
  return ([name]) => {
    const input = typeof name === "string" ? inputs.get(name) : undefined;
    if (input === undefined) throw new CapabilityFailure(`there is no input ${JSON.stringify(name)}`);
    return canonicalJson(input);
  };
}
