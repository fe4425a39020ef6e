/**
 * Connects only to addresses that the policy allows. A name is resolved once, all of its addresses are checked, and the
 * socket connects to one of them. There is no second lookup, because it could return another address (DNS rebinding).
 */
import { lookup as dnsLookup, type LookupAddress, type LookupOptions } from "node:dns";
import type * as Undici from "undici";
import { canonicalHost, privateReason } from "../../policy/hosts.ts";
import { CapabilityDenied } from "../handlers.ts";

/** Resolves a host name. Passes all its addresses, or an error, to `done`. */
export type Resolve = (host: string, done: (error: Error | null, addresses: readonly LookupAddress[]) => void) => void;

export const resolveHost: Resolve = (host, done) => dnsLookup(host, { all: true, verbatim: true }, done);

function denyAddress(host: string, address: string, reason: string): CapabilityDenied {
  const what = host === address ? host : `${host} (${address})`;
  return new CapabilityDenied(`${what} is ${reason}, which net_policy.allow_private_networks keeps closed`);
}

/** Returns the lookup function for sockets. It denies a name if the policy denies any of the name's addresses. */
function guardedLookup(resolve: Resolve, allowPrivate: boolean) {
  return (
    host: string,
    options: LookupOptions,
    done: (error: Error | null, address: string | LookupAddress[], family?: number) => void,
  ): void => {
    resolve(host, (error, addresses) => {
      if (error !== null) return done(error, "");
      const privateAddress = allowPrivate ? undefined : addresses.find(({ address }) => privateReason(address) !== undefined);
      if (privateAddress !== undefined)
        return done(denyAddress(host, privateAddress.address, privateReason(privateAddress.address) ?? ""), "");
      const [first] = addresses;
      if (first === undefined) return done(Object.assign(new Error("no address"), { code: "ENOTFOUND" }), "");
      if (options.all === true) return done(null, [...addresses]);
      return done(null, first.address, first.family);
    });
  };
}

/** Creates the connection pool of one run. `undici` is a parameter, because loading it takes longer than most programs run. */
export function guardedAgent(undici: typeof Undici, resolve: Resolve, allowPrivate: boolean): Undici.Dispatcher {
  const connect = undici.buildConnector({ allowH2: false, lookup: guardedLookup(resolve, allowPrivate) });
  const guardedConnector: Undici.buildConnector.connector = (options, callback) => {
    // A host that is an address is never looked up, so check it here.
    const literalReason = allowPrivate ? undefined : privateReason(canonicalHost(options.hostname));
    if (literalReason !== undefined) return callback(denyAddress(options.hostname, options.hostname, literalReason), null);
    return connect(options, (...answer) => {
      const [error, socket] = answer;
      if (error !== null) return callback(error, null);
      const remoteAddress = socket.remoteAddress ?? "";
      const reason = allowPrivate ? undefined : privateReason(remoteAddress);
      if (reason === undefined) return callback(null, socket);
      socket.destroy();
      return callback(denyAddress(options.hostname, remoteAddress, reason), null);
    });
  };
  return new undici.Agent({ connect: guardedConnector, allowH2: false, headersTimeout: 0, bodyTimeout: 0 });
}
