/**
 * Looks up host names so that an unreachable DNS server does not delay the end of the process. The system's lookup (`dns.lookup`)
 * occupies a thread, and `process.exit` waits for that thread: without an answer 10 s or more, whatever the time limit of the
 * request. So this file first queries DNS over a socket, for which `process.exit` does not wait. It calls the system's lookup only
 * if a DNS server has answered.
 */
import { lookup, Resolver } from "node:dns";
import type { LookupFunction } from "node:net";

/** Error codes of a query that no server answered. */
const UNANSWERED: readonly string[] = ["ETIMEOUT", "ECANCELLED"];

/** Returns a function for the option `lookup` of a request. */
export function socketLookup(resolver = new Resolver(), systemLookup: LookupFunction = lookup): LookupFunction {
  return (hostname, options, done) => {
    // The system resolves these names without a DNS server.
    if (hostname === "localhost" || hostname.endsWith(".localhost")) {
      systemLookup(hostname, options, done);
      return;
    }
    resolver.resolve4(hostname, (error) => {
      if (error !== null && UNANSWERED.includes(error.code ?? "")) done(error, "");
      else systemLookup(hostname, options, done);
    });
  };
}
