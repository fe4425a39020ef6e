import { describe, expect, test } from "vitest";
import { mockHandlers } from "../../gateway/mock.ts";
import { ALLOW_ALL } from "../../policy/policy.ts";
import { BUILTIN_REGISTRY } from "../../vm/capabilities.ts";
import { MapValue } from "../../vm/value/map.ts";
import { callerOf, machineFunctionOf, policyOf } from "./context.ts";

describe("mocks", () => {
  test("come from the capability table, except for given inputs", async () => {
    const mocks = mockHandlers(BUILTIN_REGISTRY, { inputs: new Map([["a", 1]]) });
    expect([...mocks.keys()].sort()).toEqual([
      "db.query",
      "fs.read",
      "fs.write",
      "llm.call",
      "net.fetch",
      "random",
      "step.input",
      "time.now",
    ]);
    const call = (name: string, policy = ALLOW_ALL) => callerOf(name, machineFunctionOf(mocks.get(name)), policy);
    expect(await call("net.fetch")("http://x.example/")).toBe('{"mock": true, "url": "http://x.example/"}');
    const fetched = await call("net.fetch")("http://x.example/", "GET", "", MapValue.EMPTY, "response");
    expect(JSON.parse(String(fetched))).toEqual({ body: '{"mock": true, "url": "http://x.example/"}', headers: {}, status: 200 });
    expect(await call("fs.read")("x")).toBe('mock file content for "x"');
    expect(Buffer.from(String(await call("fs.read")("ä", "base64")), "base64").toString()).toBe('mock file content for "ä"');
    expect(await call("fs.read")("x", "list")).toBe('["mock.txt"]');
    expect(await call("fs.read")("ä", "stat")).toBe('{"kind":"file","modified_ms":1700000000000,"size":26}');
    expect(await call("time.now")()).toBe(1_700_000_000);
    expect(await call("random")("int", 5, 9)).toBe(5);
    expect(await call("step.input")("a")).toBe("1");
    expect(await call("step.input")("b")).toBe("");
    const scoped = policyOf({ default_allow: true, fs_policy: { read: ["./data"], write: ["./out"] } });
    expect(await call("fs.read", scoped)("data/x")).toBe('mock file content for "data/x"');
    expect(await call("fs.read", scoped)("/etc/passwd")).toMatch(/^denied/);
    expect(await call("fs.write", scoped)(`${process.cwd()}/out/x`, "")).toMatch(/^denied: .* only an absolute folder allows it$/);
    expect(await call("fs.write", policyOf({ default_allow: true, fs_policy: { write: ["/out"] } }))("/out/x", "")).toBe(true);
  });
});
