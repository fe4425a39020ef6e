/**
 * Looks up a host name without blocking the end of the process. The system's lookup occupies a thread, and `process.exit`
 * waits for that thread: if no DNS server answers, for 10 s or more, whatever time limit a request has. So a DNS server is
 * asked first, over a socket of ours that nothing waits for. Only if it answers, in any way, does the system's lookup run.
 */
import { lookup, Resolver } from "node:dns";
import type { LookupFunction } from "node:net";

/** Error codes of a query that no server answered. */
const UNANSWERED: readonly string[] = ["ETIMEOUT", "ECANCELLED"];

/** Returns a function for the option `lookup` of a request. */
export function patientLookup(resolver = new Resolver(), systemLookup: LookupFunction = lookup): LookupFunction {
  return (hostname, options, done) => {
    // The system knows these names without a server.
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
