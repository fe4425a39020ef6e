import { LuaFactory } from "wasmoon";
import { sourceText } from "../sources.ts";
import type { Peer } from "./peer.ts";

/** Lua 5.4. */
export const LUA: Peer = {
  name: "Lua",
  start: async () => {
    const factory = new LuaFactory();
    await factory.getLuaModule();
    return async (program) => {
      const engine = await factory.createEngine();
      engine.doStringSync(sourceText(`${program}.lua`));
      const { global } = engine;
      return (n) => {
        const value: unknown = global.call("main", n)[0];
        // A call leaves its results on the Lua stack.
        global.setTop(0);
        return value;
      };
    };
  },
};
