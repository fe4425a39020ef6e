/**
 * Connects only to addresses that the policy allows. A name is resolved once, all of its addresses are checked, and the
 * socket connects to one of them. A second lookup could return another address (DNS rebinding).
 */
import { lookup as dnsLookup, type LookupAddress, type LookupOptions } from "node:dns";
import type * as Undici from "undici";
import { canonicalHost, privateReason } from "../../policy/hosts.ts";
import { CapabilityDenied } from "../handlers.ts";

/** Passes all addresses of a name to `done`, or an error. */
export type Resolve = (host: string, done: (error: Error | null, addresses: readonly LookupAddress[]) => void) => void;

export const resolveHost: Resolve = (host, done) => dnsLookup(host, { all: true, verbatim: true }, done);

function denied(host: string, address: string, reason: string): CapabilityDenied {
  const what = host === address ? host : `${host} (${address})`;
  return new CapabilityDenied(`${what} is ${reason}, which net_policy.allow_private_networks keeps closed`);
}

/** The lookup function of the socket. A name is denied if any of its addresses is. */
function guardedLookup(resolve: Resolve, allowPrivate: boolean) {
  return (
    host: string,
    options: LookupOptions,
    done: (error: Error | null, address: string | LookupAddress[], family?: number) => void,
  ): void => {
    resolve(host, (error, found) => {
      if (error !== null) return done(error, "");
      const refused = allowPrivate ? undefined : found.find(({ address }) => privateReason(address) !== undefined);
      if (refused !== undefined) return done(denied(host, refused.address, privateReason(refused.address) ?? ""), "");
      const [first] = found;
      if (first === undefined) return done(Object.assign(new Error("no address"), { code: "ENOTFOUND" }), "");
      if (options.all === true) return done(null, [...found]);
      return done(null, first.address, first.family);
    });
  };
}

/** The connection pool of one run. `undici` is a parameter, because loading it takes longer than most programs run. */
export function guardedAgent(undici: typeof Undici, resolve: Resolve, allowPrivate: boolean): Undici.Dispatcher {
  const connect = undici.buildConnector({ allowH2: false, lookup: guardedLookup(resolve, allowPrivate) });
  const guarded: Undici.buildConnector.connector = (options, callback) => {
    // A host that is an address is never looked up.
    const literal = allowPrivate ? undefined : privateReason(canonicalHost(options.hostname));
    if (literal !== undefined) return callback(denied(options.hostname, options.hostname, literal), null);
    return connect(options, (...answer) => {
      const [error, socket] = answer;
      if (error !== null) return callback(error, null);
      const reached = socket.remoteAddress ?? "";
      const reason = allowPrivate ? undefined : privateReason(reached);
      if (reason === undefined) return callback(null, socket);
      socket.destroy();
      return callback(denied(options.hostname, reached, reason), null);
    });
  };
  return new undici.Agent({ connect: guarded, allowH2: false, headersTimeout: 0, bodyTimeout: 0 });
}
