/** Turns errors of the HTTP client into messages that reveal nothing about the machine Boruna runs on. */
import { CapabilityFailure } from "../handlers.ts";
import { errorCode } from "../../vm/error.ts";

const MESSAGES: ReadonlyMap<string, string> = new Map([
  ["ENOTFOUND", "the host has no address"],
  ["EAI_AGAIN", "the host's name could not be resolved now"],
  ["ECONNREFUSED", "the connection was refused"],
  ["ECONNRESET", "the connection was closed by the other side"],
  ["EPIPE", "the connection was closed by the other side"],
  ["EHOSTUNREACH", "the host cannot be reached"],
  ["ENETUNREACH", "the network cannot be reached"],
  ["ETIMEDOUT", "the host did not answer"],
  ["UND_ERR_CONNECT_TIMEOUT", "the host did not answer"],
  ["UND_ERR_SOCKET", "the connection was closed by the other side"],
  ["UND_ERR_HEADERS_OVERFLOW", "the response's headers are too long"],
  ["UND_ERR_INVALID_ARG", "the HTTP client refused the request"],
  ["ERR_STREAM_PREMATURE_CLOSE", "the response ended too early"],
]);

/** Returns a `CapabilityFailure` for an error with a code, as Node and undici throw them, and any other error unchanged. */
export function httpFailure(error: unknown): Error {
  if (error instanceof CapabilityFailure) return error;
  // undici does not always give its parser's errors a code.
  if (error instanceof Error && error.name === "HTTPParserError") return new CapabilityFailure("the response is not HTTP as it should be");
  const code = codeOfFailure(error);
  if (code === undefined) return error instanceof Error ? error : new Error("the HTTP client failed");
  const message = MESSAGES.get(code);
  if (message !== undefined) return new CapabilityFailure(message);
  if (/CERT|SSL|TLS|SELF_SIGNED|ISSUER/.test(code)) return new CapabilityFailure(`the secure connection failed (${code})`);
  return new CapabilityFailure(`the request failed (${code})`);
}

/** Returns the error code. If all addresses of a host fail, Node reports an `AggregateError`, whose first error gives the code. */
function codeOfFailure(error: unknown): string | undefined {
  if (error instanceof AggregateError && errorCode(error) === "") return codeOfFailure(error.errors[0]);
  return errorCode(error) || undefined;
}

/** Whether the connection was never made, so that no byte of the request was sent. */
export function neverSent(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.length > 0 && error.errors.every(neverSent);
  if (errorCode(error) === "UND_ERR_CONNECT_TIMEOUT") return true;
  return error instanceof Error && "syscall" in error && (error.syscall === "connect" || error.syscall === "getaddrinfo");
}
