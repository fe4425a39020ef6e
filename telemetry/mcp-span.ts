/**
 * The span of a tool call that Boruna's MCP server answers. It follows OpenTelemetry's conventions for MCP, which are in development. It
 * contains no argument and no answer.
 */
import { SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { VERSION } from "../vm/version.ts";
import { formatTraceparent, type IncomingContext } from "./context.ts";
import { parentContext, SCOPE } from "./parent-context.ts";
import { reportError, reportingErrors } from "./tracer-errors.ts";

/** Every attribute of the span, with its meaning. */
export const MCP_ATTRIBUTES = {
  "mcp.method.name": "`tools/call`",
  "gen_ai.operation.name": "`execute_tool`",
  "gen_ai.tool.name": "name of the tool",
  "jsonrpc.request.id": "id of the request",
  "network.transport": "`pipe` on stdio, `tcp` over HTTP",
  "error.type": "kind of the error, if the tool could not do its work",
} as const;

export interface ToolSpan {
  /** The context of the span, for the run below it. */
  readonly context: IncomingContext;
  end(errorType: string | undefined): void;
}

interface ToolSpanStart {
  readonly tool: string;
  readonly transport: "pipe" | "tcp";
  readonly requestId: string;
  readonly caller: IncomingContext;
}

/** Opens the span on the registered TracerProvider. Returns undefined if the span is not recorded. */
export function startToolSpan({ tool, transport, requestId, caller }: ToolSpanStart): ToolSpan | undefined {
  try {
    const attributes: Partial<Record<keyof typeof MCP_ATTRIBUTES, string>> = {
      "mcp.method.name": "tools/call",
      "gen_ai.operation.name": "execute_tool",
      "gen_ai.tool.name": tool,
      "jsonrpc.request.id": requestId,
      "network.transport": transport,
    };
    const span = trace
      .getTracer(SCOPE, VERSION)
      .startSpan(`tools/call ${tool}`, { kind: SpanKind.SERVER, attributes }, parentContext(caller));
    if (!span.isRecording()) return undefined;
    const { traceId, spanId } = span.spanContext();
    return {
      context: { ...caller, traceparent: formatTraceparent({ traceId, spanId, sampled: true }) },
      end: (errorType) =>
        reportingErrors(() => {
          if (errorType !== undefined) span.setAttribute("error.type", errorType).setStatus({ code: SpanStatusCode.ERROR });
          span.end();
        }),
    };
  } catch (error) {
    reportError(error);
    return undefined;
  }
}
