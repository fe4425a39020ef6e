/**
 * Declares every environment variable that telemetry reads. The code that reads a variable takes its name and its default
 * from this table, and `docs/reference/environment.md` is made from it. Empty values count as unset.
 */

export type Environment = Readonly<Record<string, string | undefined>>;

interface VariableSpec {
  /** What an unset variable means. A number is the default that the code uses. */
  readonly default: string | number;
  readonly doc: string;
}

const SAME_AS_GENERAL = "as the variable without `TRACES_` or `METRICS_`";

export const VARIABLES = {
  OTEL_EXPORTER_OTLP_ENDPOINT: {
    default: "spans and metrics are off",
    doc: "URL of the collector; `/v1/traces` or `/v1/metrics` is added. Turns spans on, and the metrics of long-lived processes",
  },
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: { default: SAME_AS_GENERAL, doc: "complete URL for spans. Turns spans on" },
  OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: { default: SAME_AS_GENERAL, doc: "complete URL for metrics. Turns them on in long-lived processes" },
  OTEL_SDK_DISABLED: { default: "false", doc: "`true` turns spans and metrics off, whatever else is set" },
  OTEL_TRACES_EXPORTER: { default: "otlp", doc: "`otlp`, `console` (one line a span on stderr), `none`, or a list of these" },
  OTEL_METRICS_EXPORTER: { default: "otlp", doc: "`otlp` or `none`" },
  OTEL_EXPORTER_OTLP_PROTOCOL: { default: "http/protobuf", doc: "`http/protobuf` or `http/json`" },
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: { default: SAME_AS_GENERAL, doc: "the same, for spans" },
  OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: { default: SAME_AS_GENERAL, doc: "the same, for metrics" },
  OTEL_EXPORTER_OTLP_HEADERS: { default: "none", doc: "headers of each request, `key=value,key=value`, for example an API key" },
  OTEL_EXPORTER_OTLP_TRACES_HEADERS: { default: "none", doc: "more headers for spans; these win over the general ones" },
  OTEL_EXPORTER_OTLP_METRICS_HEADERS: { default: "none", doc: "more headers for metrics; these win over the general ones" },
  OTEL_EXPORTER_OTLP_COMPRESSION: { default: "none", doc: "`gzip` or `none`" },
  OTEL_EXPORTER_OTLP_TRACES_COMPRESSION: { default: SAME_AS_GENERAL, doc: "the same, for spans" },
  OTEL_EXPORTER_OTLP_METRICS_COMPRESSION: { default: SAME_AS_GENERAL, doc: "the same, for metrics" },
  OTEL_EXPORTER_OTLP_TIMEOUT: {
    default: 10_000,
    doc: "milliseconds that one batch of spans may take, including retries, or one export of metrics",
  },
  OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: { default: SAME_AS_GENERAL, doc: "the same, for spans" },
  OTEL_EXPORTER_OTLP_METRICS_TIMEOUT: { default: SAME_AS_GENERAL, doc: "the same, for metrics" },
  OTEL_EXPORTER_OTLP_CERTIFICATE: {
    default: "Node's certificates",
    doc: "PEM file of the authority that the collector's certificate must have",
  },
  OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE: { default: SAME_AS_GENERAL, doc: "the same, for spans" },
  OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE: { default: SAME_AS_GENERAL, doc: "the same, for metrics" },
  OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: { default: "none", doc: "PEM file of the client's certificate" },
  OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE: { default: SAME_AS_GENERAL, doc: "the same, for spans" },
  OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE: { default: SAME_AS_GENERAL, doc: "the same, for metrics" },
  OTEL_EXPORTER_OTLP_CLIENT_KEY: { default: "none", doc: "PEM file of the client's key" },
  OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY: { default: SAME_AS_GENERAL, doc: "the same, for spans" },
  OTEL_EXPORTER_OTLP_METRICS_CLIENT_KEY: { default: SAME_AS_GENERAL, doc: "the same, for metrics" },
  OTEL_BSP_MAX_QUEUE_SIZE: { default: 2_048, doc: "spans that wait to be sent" },
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE: { default: 512, doc: "spans in one request" },
  OTEL_BSP_SCHEDULE_DELAY: { default: 5_000, doc: "milliseconds that a span waits for its batch to fill" },
  OTEL_BSP_EXPORT_TIMEOUT: { default: 30_000, doc: "upper bound on OTEL_EXPORTER_OTLP_TIMEOUT, in milliseconds" },
  OTEL_METRIC_EXPORT_INTERVAL: { default: 60_000, doc: "milliseconds between two exports of metrics" },
  OTEL_METRIC_EXPORT_TIMEOUT: { default: 30_000, doc: "upper bound on OTEL_EXPORTER_OTLP_TIMEOUT for metrics, in milliseconds" },
  BORUNA_OTEL_SHUTDOWN_MS: { default: 5_000, doc: "milliseconds for flush and shutdown together, before the process ends" },
  BORUNA_TRACE_DETAIL: {
    default: "cap",
    doc: "`cap`: spans of runs and capability calls; `call`: also of calls of functions; `flow`: also of control flow. Turns nothing on. See [spans](spans.md)",
  },
  BORUNA_THREAD_CONTEXT: {
    default: "off",
    doc: "`1` publishes the ids of the span that the machine runs under, for profilers ([thread context](../guide/thread-context.md))",
  },
  OTEL_PROPAGATORS: { default: "tracecontext,baggage", doc: "`tracecontext`, `baggage`, both as a list, or `none`" },
  TRACEPARENT: { default: "a new trace", doc: "W3C trace context of the caller; `--traceparent` wins over it" },
  TRACESTATE: { default: "none", doc: "W3C tracestate that belongs to TRACEPARENT" },
  BAGGAGE: { default: "none", doc: "W3C baggage of the caller" },
  OTEL_SERVICE_NAME: {
    default: "boruna",
    doc: "the resource's `service.name`. The default of a runner (`createRunnerTelemetry`) is `boruna-runner`, that of `boruna worker` is `boruna-worker`",
  },
  OTEL_RESOURCE_ATTRIBUTES: { default: "none", doc: "attributes of the resource, `key=value,key=value`" },
  OTEL_TRACES_SAMPLER: {
    default: "parentbased_always_on",
    doc: "which traces are kept: `always_on`, `always_off`, `traceidratio`, or one of these with `parentbased_` before it, which follows the caller's decision",
  },
  OTEL_TRACES_SAMPLER_ARG: { default: "1", doc: "the share of traces that `traceidratio` keeps, from 0 to 1" },
  OTEL_SEMCONV_STABILITY_OPT_IN: {
    default: "none",
    doc: "a list; with `gen_ai_latest_experimental` in it, each `llm.call` has a [span of the GenAI conventions](spans.md#genai-conventions)",
  },
  OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: { default: "none", doc: "longest text of an attribute, in characters" },
  OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT: { default: "as the general one", doc: "the same, for spans" },
  OTEL_ATTRIBUTE_COUNT_LIMIT: { default: "128", doc: "attributes of one span" },
  OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT: { default: "as the general one", doc: "the same, for spans" },
  BORUNA_TELEMETRY_ENABLED: { default: "usage events are off", doc: "`1` turns usage events on, if a URL says where they go" },
  BORUNA_TELEMETRY_URL: { default: "none", doc: "URL to which each usage event is posted" },
  BORUNA_TELEMETRY_TOKEN: { default: "none", doc: "bearer token of that request; `boruna telemetry sink` asks for the same one" },
  BORUNA_TELEMETRY_TIMEOUT_MS: { default: 1_500, doc: "the most milliseconds that a command waits for that request; at most 60,000" },
  BORUNA_TELEMETRY_FILE: {
    default: "none",
    doc: "file to which usage events are appended, `~` is the home folder. Turns them on; wins over the URL",
  },
  BORUNA_TELEMETRY_TENANT: { default: "none", doc: "a word that every usage event carries, such as the name of a team" },
  BORUNA_TELEMETRY_DISABLED: { default: "none", doc: "any value turns usage events off, whatever else is set" },
  DO_NOT_TRACK: { default: "none", doc: "the same, for all programs that follow the convention" },
  XDG_STATE_HOME: {
    default: "`~/.local/state`",
    doc: "folder where `boruna/` keeps the history of `boruna repl`, and remembers that the notice of usage events was shown",
  },
} as const satisfies Record<string, VariableSpec>;

export type VariableName = keyof typeof VARIABLES;

/** Returns the value of a variable without white space around it. Returns undefined if it is unset, empty or white space. */
export function readVariable(environment: Environment, name: VariableName): string | undefined {
  return environment[name]?.trim() || undefined;
}
