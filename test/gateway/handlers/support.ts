/** Helpers for the tests of the handlers: a call's context, and an HTTP server on loopback. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import {
  CapabilityDenied,
  CapabilityFailure,
  type HandlerContext,
  isLater,
  LATER,
  type MachineFunction,
} from "../../../gateway/handlers.ts";
import { parsePolicy } from "../../../policy/parse.ts";
import type { Policy } from "../../../policy/policy.ts";
import { BUILTIN_REGISTRY, signatureFor } from "../../../vm/capabilities.ts";
import type { Value } from "../../../vm/value/value.ts";

/** Returns a policy that allows every call, with these fields. */
export function policyOf(data: object): Policy {
  return parsePolicy(JSON.stringify({ default_allow: true, ...data }), { file: "test.json", jsonc: false });
}

/** Returns what a handler gets besides the arguments. */
export function contextOf(policy: Policy, more: Partial<HandlerContext> = {}): HandlerContext {
  const failure = (message: string): CapabilityFailure => new CapabilityFailure(message);
  return {
    signal: new AbortController().signal,
    callNumber: 1,
    idempotencyKey: "0".repeat(64),
    policy,
    failure,
    later: () => LATER,
    ...more,
  };
}

/** Calls a handler as the gateway does, with trailing defaults filled in. */
export async function callHandler(name: string, handler: MachineFunction, args: readonly Value[], context: HandlerContext): Promise<Value> {
  const capability = BUILTIN_REGISTRY.byName.get(name);
  const signature = capability === undefined ? undefined : signatureFor(capability, args.length);
  if (signature === undefined) throw new Error(`${name} does not take ${args.length} arguments`);
  const answer = await handler(
    signature.params.map((p, i) => args[i] ?? p.default ?? false),
    context,
  );
  if (isLater(answer)) throw new Error("the handler answers later");
  return answer;
}

/** Calls a handler that returns a String. */
export async function textOf(call: Promise<Value>): Promise<string> {
  const value = await call;
  if (typeof value !== "string") throw new Error("the call did not give a String");
  return value;
}

/** Returns `failed: …` or `denied: …`. Rethrows any other error. */
export async function failureOf(call: Promise<Value>): Promise<string> {
  try {
    return `no failure: ${JSON.stringify(await call)}`;
  } catch (error) {
    if (error instanceof CapabilityDenied) return `denied: ${error.message}`;
    if (error instanceof CapabilityFailure) return `failed: ${error.message}`;
    throw error;
  }
}

export interface TestServer {
  readonly port: number;
  /** Requests so far, as `METHOD path`. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

/** Starts an HTTP server on a free port. `answer` is called for each request, when its body has arrived. */
export async function startTestServer(
  answer: (request: IncomingMessage, response: ServerResponse, body: string) => void,
): Promise<TestServer> {
  const requests: string[] = [];
  const server: Server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    let body = "";
    request.setEncoding("utf8");
    request.on("data", (chunk: string) => {
      body += chunk;
    });
    request.on("end", () => answer(request, response, body));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return {
    port: address.port,
    requests,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}
