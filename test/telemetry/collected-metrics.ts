/** Decodes the metrics that the collector of the tests received, with protobufjs and JSON.parse. */
import protobuf from "protobufjs";
import type { CollectedRequest, Collector } from "./collector.ts";

export interface CollectedPoint {
  readonly metric: string;
  readonly unit: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** The count of a histogram, or the value of a sum. */
  readonly count: number;
  /** The sum of a histogram. Undefined for a sum. */
  readonly sum: number | undefined;
  readonly bounds: readonly number[];
  readonly resource: Readonly<Record<string, string>>;
}

const TYPE = protobuf
  .parse(
    `
  syntax = "proto3";
  message AnyValue { oneof value { string string_value = 1; int64 int_value = 3; double double_value = 4; } }
  message KeyValue { string key = 1; AnyValue value = 2; }
  message Resource { repeated KeyValue attributes = 1; }
  message NumberDataPoint { fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3; double as_double = 4; sfixed64 as_int = 6; repeated KeyValue attributes = 7; }
  message HistogramDataPoint { fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3; fixed64 count = 4; double sum = 5; repeated fixed64 bucket_counts = 6; repeated double explicit_bounds = 7; repeated KeyValue attributes = 9; }
  message Sum { repeated NumberDataPoint data_points = 1; int32 aggregation_temporality = 2; bool is_monotonic = 3; }
  message Histogram { repeated HistogramDataPoint data_points = 1; int32 aggregation_temporality = 2; }
  message Metric { string name = 1; string description = 2; string unit = 3; Sum sum = 7; Histogram histogram = 9; }
  message ScopeMetrics { repeated Metric metrics = 2; }
  message ResourceMetrics { Resource resource = 1; repeated ScopeMetrics scope_metrics = 2; }
  message ExportMetricsServiceRequest { repeated ResourceMetrics resource_metrics = 1; }
`,
  )
  .root.lookupType("ExportMetricsServiceRequest");

type Json = { readonly [key: string]: unknown };
const isObject = (data: unknown): data is Json => typeof data === "object" && data !== null && !Array.isArray(data);
const asObjects = (data: unknown): readonly Json[] => (Array.isArray(data) ? data.filter(isObject) : []);
const asObject = (data: unknown): Json => (isObject(data) ? data : {});
const asText = (data: unknown): string => (typeof data === "string" ? data : "");

function attributesOf(data: unknown): Record<string, string> {
  return Object.fromEntries(asObjects(data).map((pair) => [asText(pair["key"]), String(asObject(pair["value"])["stringValue"])]));
}

/** Returns the data points of the last request. They are totals, so the earlier requests are not needed. */
export function lastMetrics(collector: Collector): readonly CollectedPoint[] {
  const request = metricRequests(collector).at(-1);
  return request === undefined ? [] : pointsOf(request);
}

export function metricRequests(collector: Collector): readonly CollectedRequest[] {
  return collector.requests.filter(({ path }) => path.endsWith("/v1/metrics"));
}

function pointsOf({ body, headers }: CollectedRequest): readonly CollectedPoint[] {
  const data: unknown =
    headers["content-type"] === "application/json"
      ? JSON.parse(body.toString("utf8"))
      : TYPE.toObject(TYPE.decode(body), { longs: String, arrays: true });
  return asObjects(asObject(data)["resourceMetrics"]).flatMap((resourceMetrics) =>
    asObjects(resourceMetrics["scopeMetrics"]).flatMap((scope) =>
      asObjects(scope["metrics"]).flatMap((metric) => {
        const histogram = isObject(metric["histogram"]);
        return asObjects(asObject(metric["histogram"] ?? metric["sum"])["dataPoints"]).map((point) => ({
          metric: asText(metric["name"]),
          unit: asText(metric["unit"]),
          attributes: attributesOf(point["attributes"]),
          count: Number(histogram ? point["count"] : (point["asDouble"] ?? point["asInt"] ?? 0)),
          sum: histogram ? Number(point["sum"]) : undefined,
          bounds: Array.isArray(point["explicitBounds"]) ? point["explicitBounds"].map(Number) : [],
          resource: attributesOf(asObject(resourceMetrics["resource"])["attributes"]),
        }));
      }),
    ),
  );
}
