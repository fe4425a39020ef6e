/** Capabilities whose answers depend only on their arguments. Their handlers list the calls that they get. */
import { type CapabilitySpec, createRegistry } from "../../gateway/own-capabilities.ts";
import { compile } from "../../compiler/compile.ts";
import { parsePolicy } from "../../policy/parse.ts";
import type { Program } from "../../vm/bytecode/program.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import type { CapabilityRegistry } from "../../vm/capabilities.ts";

export interface Shop {
  readonly registry: CapabilityRegistry;
  /** `read a`, `buy tea`: every call that was made. */
  readonly calls: string[];
  /** Called before `shop.wait` answers. */
  onWait: (signal: AbortSignal) => Promise<void>;
}

export function openShop(): Shop {
  const calls: string[] = [];
  const note = (call: string): void => void calls.push(call);
  const param = (name: string): CapabilitySpec["params"][number] => ({ name, type: "String" });
  const shop: Shop = {
    calls,
    onWait: () => Promise.resolve(),
    registry: createRegistry([
      {
        name: "shop.read",
        version: "1",
        params: [param("what")],
        result: "String",
        mayRepeat: true,
        handler: async ([what], context) => {
          note(`read ${String(what)}`);
          await Promise.resolve();
          if (what === "nothing") throw context.failure("sold out\u0000");
          return what === "long" ? "x".repeat(70_000) : `text of ${String(what)}`;
        },
      },
      {
        name: "shop.buy",
        version: "1",
        params: [param("what")],
        result: "Int",
        mayRepeat: false,
        handler: ([what]) => {
          note(`buy ${String(what)}`);
          return String(what).length;
        },
      },
      {
        name: "shop.ask",
        version: "1",
        params: [param("what")],
        result: "Int",
        mayRepeat: false,
        handler: ([what], context) => {
          note(`ask ${String(what)}`);
          return context.later();
        },
      },
      {
        name: "shop.wait",
        version: "1",
        params: [param("what")],
        result: "Int",
        mayRepeat: true,
        handler: async ([what], { signal }) => {
          note(`wait ${String(what)}`);
          await shop.onWait(signal);
          return 1;
        },
      },
    ]),
  };
  return shop;
}

export function programOf(text: string, { registry }: Shop): Program {
  return verifyModule(compile({ name: "shop.ax", text }, { registry }).module, registry);
}

/** Allows every capability of the shop, and `time.now`. Buying waits for an approval if `approval` is true. */
export function shopPolicy({ registry }: Shop, approval = false): ReturnType<typeof parsePolicy> {
  const rule = (name: string): object => (name === "shop.buy" && approval ? { allow: true, approval: "required" } : { allow: true });
  const names = [...registry.own.map(({ name }) => name), "time.now"];
  const rules = Object.fromEntries(names.map((name) => [name, rule(name)]));
  return parsePolicy(JSON.stringify({ rules }), { file: "policy.json", jsonc: false, registry });
}
