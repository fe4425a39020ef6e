import { getQuickJS } from "quickjs-emscripten";
import { sourceText } from "../sources.ts";
import type { Peer } from "./peer.ts";

/** JavaScript in QuickJS. It runs the same program text as V8. */
export const QUICKJS: Peer = {
  name: "QuickJS",
  start: async () => {
    const quickjs = await getQuickJS();
    return (program) => {
      const context = quickjs.newContext();
      const name = `${program}.mjs`;
      const module = context.unwrapResult(context.evalCode(sourceText(name), name, { type: "module" }));
      const main = context.getProp(module, "main");
      return (n) => {
        const argument = context.newNumber(n);
        const result = context.unwrapResult(context.callFunction(main, context.undefined, argument));
        const value: unknown = context.dump(result);
        result.dispose();
        argument.dispose();
        return value;
      };
    };
  },
};
