/** Decodes the bytes of an OTLP/HTTP trace request into spans. */
import { spansFromJson } from "./otlp-json.ts";
import { spansFromProtobuf } from "./otlp-protobuf.ts";
import { malformed } from "./protobuf.ts";
import { type DecodedSpan, OTLP_LIMITS } from "./span-data.ts";

/** The encoding of a request. */
export type OtlpForm = "protobuf" | "json";

/** Returns the encoding that a Content-Type names, or undefined if OTLP does not define it. */
export function otlpForm(contentType: string | undefined): OtlpForm | undefined {
  const type = contentType?.split(";", 1)[0]?.trim().toLowerCase();
  if (type === "application/x-protobuf") return "protobuf";
  return type === "application/json" ? "json" : undefined;
}

/**
 * Returns the spans of one `ExportTraceServiceRequest`, in the order of the request. `bytes` must be decompressed.
 * Throws `telemetry.otlp_malformed`, and no other error, if the bytes are malformed or exceed `OTLP_LIMITS`.
 */
export function decodeTraceRequest(bytes: Uint8Array, form: OtlpForm): readonly DecodedSpan[] {
  if (bytes.length > OTLP_LIMITS.requestBytes) throw malformed(`more than ${OTLP_LIMITS.requestBytes} bytes`);
  return form === "protobuf" ? spansFromProtobuf(bytes) : spansFromJson(bytes);
}
