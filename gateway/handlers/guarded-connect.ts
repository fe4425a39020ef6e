/**
 * Connects only to addresses that the policy allows. A name is resolved once, all of its addresses are checked, and the
 * socket connects to one of them. There is no second lookup, because it could return another address (DNS rebinding).
 */
import { lookup as dnsLookup, type LookupAddress, type LookupOptions } from "node:dns";
import type * as Undici from "undici";
import { classifyAddress } from "../../policy/addresses.ts";
import { canonicalHost, namesLoopback, privateReason } from "../../policy/hosts.ts";
import type { NetPolicy } from "../../policy/policy.ts";
import { memoizePerObject } from "../../vm/lazy.ts";
import { CapabilityDenied } from "../handlers.ts";

/** Resolves a host name. Passes all its addresses, or an error, to `done`. */
export type Resolve = (host: string, done: (error: Error | null, addresses: readonly LookupAddress[]) => void) => void;

export const resolveHost: Resolve = (host, done) => dnsLookup(host, { all: true, verbatim: true }, done);

/** Says why a socket may not connect to an address; undefined if it may. */
type AddressCheck = (address: string) => string | undefined;

const anyAddress: AddressCheck = () => undefined;
const publicOnly: AddressCheck = (address) => {
  const reason = privateReason(address);
  return reason === undefined ? undefined : `${reason}, which net_policy.allow_private_networks keeps closed`;
};
const loopbackOnly: AddressCheck = (address) => (classifyAddress(address) === "loopback" ? undefined : "not a loopback address");

/** Returns the check of the addresses of one host. */
function addressCheck(net: NetPolicy, host: string, port: number): AddressCheck {
  if (net.allow_private_networks) return anyAddress;
  return namesLoopback(net.allowed_domains, host, port) ? loopbackOnly : publicOnly;
}

function denyAddress(host: string, address: string, reason: string): CapabilityDenied {
  return new CapabilityDenied(`${host === address ? host : `${host} (${address})`} is ${reason}`);
}

/** Returns the lookup function for sockets. It denies a name if the check denies any of the name's addresses. */
function guardedLookup(resolve: Resolve, check: AddressCheck) {
  return (
    host: string,
    options: LookupOptions,
    done: (error: Error | null, address: string | LookupAddress[], family?: number) => void,
  ): void => {
    resolve(host, (error, addresses) => {
      if (error !== null) return done(error, "");
      for (const { address } of addresses) {
        const reason = check(address);
        if (reason !== undefined) return done(denyAddress(host, address, reason), "");
      }
      const [first] = addresses;
      if (first === undefined) return done(Object.assign(new Error("no address"), { code: "ENOTFOUND" }), "");
      if (options.all === true) return done(null, [...addresses]);
      return done(null, first.address, first.family);
    });
  };
}

/** Creates the connection pool of one run. `undici` is a parameter, because loading it takes longer than most programs run. */
export function guardedAgent(undici: typeof Undici, resolve: Resolve, net: NetPolicy): Undici.Dispatcher {
  const connectorOf = memoizePerObject((check: AddressCheck) =>
    undici.buildConnector({ allowH2: false, lookup: guardedLookup(resolve, check) }),
  );
  const guardedConnector: Undici.buildConnector.connector = (options, callback) => {
    const host = canonicalHost(options.hostname);
    const check = addressCheck(net, host, Number(options.port) || (options.protocol === "https:" ? 443 : 80));
    // A host that is an address is never looked up, so check it here.
    const literalReason = check === publicOnly ? check(host) : undefined;
    if (literalReason !== undefined) return callback(denyAddress(options.hostname, options.hostname, literalReason), null);
    return connectorOf(check)(options, (...answer) => {
      const [error, socket] = answer;
      if (error !== null) return callback(error, null);
      const remoteAddress = socket.remoteAddress ?? "";
      const reason = check(remoteAddress);
      if (reason === undefined) return callback(null, socket);
      socket.destroy();
      return callback(denyAddress(options.hostname, remoteAddress, reason), null);
    });
  };
  return new undici.Agent({ connect: guardedConnector, allowH2: false, headersTimeout: 0, bodyTimeout: 0 });
}
