/** The lookup of host names, with DNS servers on loopback. */
import { createSocket, type Socket } from "node:dgram";
import { Resolver } from "node:dns";
import type { LookupFunction } from "node:net";
import { afterEach, expect, test } from "vitest";
import { socketLookup } from "../../telemetry/lookup.ts";

const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.close();
});

/** Starts a DNS server that answers each query with the response code, or never if there is no code. Returns a resolver that uses it. */
async function startServer(code: number | undefined): Promise<Resolver> {
  const socket = createSocket("udp4");
  sockets.push(socket);
  socket.on("message", (query, { port, address }) => {
    if (code === undefined) return;
    const answer = Buffer.from(query);
    answer.writeUInt16BE(0x8180 | code, 2);
    socket.send(answer, port, address);
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  // The timeout is short only for the server that never answers. On a busy machine, other answers may take long.
  const resolver = new Resolver({ timeout: code === undefined ? 20 : 600_000, tries: 1 });
  resolver.setServers([`127.0.0.1:${socket.address().port}`]);
  return resolver;
}

/** Looks up the name. Resolves to the error code or address, and the names for which the system's lookup was called. */
async function lookUp(resolver: Resolver, hostname: string): Promise<{ result: string | undefined; asked: readonly string[] }> {
  const asked: string[] = [];
  const systemLookup: LookupFunction = (name, _options, done) => {
    asked.push(name);
    done(null, "192.0.2.1", 4);
  };
  const result = await new Promise<string | undefined>((resolve) => {
    socketLookup(resolver, systemLookup)(hostname, {}, (error, address) => resolve(error?.code ?? String(address)));
  });
  return { result, asked };
}

test("a server that does not answer fails the lookup, and the system is not asked", async () => {
  const { result, asked } = await lookUp(await startServer(undefined), "collector.example");
  expect(result).toBe("ETIMEOUT");
  expect(asked).toEqual([]);
});

test.each([
  ["no such name", 3],
  ["refused", 5],
  ["server failure", 2],
])("a server that answers `%s` leaves the name to the system, which may know it from a file", async (_what, code) => {
  expect(await lookUp(await startServer(code), "collector.example")).toEqual({ result: "192.0.2.1", asked: ["collector.example"] });
});

test.each(["localhost", "a.localhost"])("%s needs no server", async (name) => {
  expect(await lookUp(await startServer(undefined), name)).toEqual({ result: "192.0.2.1", asked: [name] });
});
