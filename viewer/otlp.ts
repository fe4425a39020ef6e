/** OTLP/HTTP trace requests, as bytes, to spans. */
import { spansFromJson } from "./otlp-json.ts";
import { spansFromProtobuf } from "./otlp-protobuf.ts";
import { malformed } from "./protobuf.ts";
import { type DecodedSpan, OTLP_LIMITS } from "./span-data.ts";

export type OtlpForm = "protobuf" | "json";

/** The form that a Content-Type names; nothing when it is none of OTLP's. */
export function otlpForm(contentType: string | undefined): OtlpForm | undefined {
  const type = contentType?.split(";", 1)[0]?.trim().toLowerCase();
  if (type === "application/x-protobuf") return "protobuf";
  return type === "application/json" ? "json" : undefined;
}

/**
 * The spans of one `ExportTraceServiceRequest`, uncompressed, in the order of the request. At most 4 MiB, 500,000 items and 32 levels of values.
 * Throws `telemetry.otlp_malformed`, and nothing else, on any bytes.
 */
export function decodeTraceRequest(bytes: Uint8Array, form: OtlpForm): readonly DecodedSpan[] {
  if (bytes.length > OTLP_LIMITS.requestBytes) throw malformed(`more than ${OTLP_LIMITS.requestBytes} bytes`);
  return form === "protobuf" ? spansFromProtobuf(bytes) : spansFromJson(bytes);
}
