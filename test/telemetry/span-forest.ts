/** Receives spans through the SDK and builds the tree that their parents form. */
import { context, propagation, trace } from "@opentelemetry/api";
import { NodeTracerProvider, type ReadableSpan, type SpanProcessor } from "@opentelemetry/sdk-trace-node";

export interface SpanNode {
  readonly name: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly children: readonly SpanNode[];
}

export interface SpanReceiver {
  /** Returns all spans as trees, with siblings in the order in which they started. Throws if a span has not ended. */
  trees(): readonly SpanNode[];
  close(): void;
}

/** Registers a TracerProvider until `close`. */
export function receiveSpans(): SpanReceiver {
  const started: string[] = [];
  const ended = new Map<string, ReadableSpan>();
  const processor: SpanProcessor = {
    onStart: (span) => void started.push(span.spanContext().spanId),
    onEnd: (span) => {
      const { spanId } = span.spanContext();
      if (ended.has(spanId)) throw new Error("a span ended twice");
      ended.set(spanId, span);
    },
    forceFlush: () => Promise.resolve(),
    shutdown: () => Promise.resolve(),
  };
  new NodeTracerProvider({ spanProcessors: [processor] }).register();
  return {
    trees: () => {
      const children = new Map<string, SpanNode[]>();
      for (const id of started) {
        const span = ended.get(id);
        if (span === undefined) throw new Error("a span has not ended");
        const own: SpanNode[] = [];
        const node = { name: span.name, attributes: { ...span.attributes, ...statusOf(span) }, children: own };
        children.set(id, own);
        const parent = span.parentSpanContext?.spanId ?? "";
        const siblings = children.get(parent) ?? [];
        children.set(parent, siblings);
        siblings.push(node);
      }
      return children.get("") ?? [];
    },
    close: () => {
      trace.disable();
      context.disable();
      propagation.disable();
    },
  };
}

const statusOf = (span: ReadableSpan): { readonly status?: string } => (span.status.code === 2 ? { status: "ERROR" } : {});

/** Returns an indented line for each span, such as `if 0 of 2 :5` (branch 0 was taken, source line 5). */
export function treeText(nodes: readonly SpanNode[], indent = ""): string {
  return nodes.map((node) => `${indent}${nodeText(node)}\n${treeText(node.children, `${indent}  `)}`).join("");
}

function nodeText({ name, attributes }: SpanNode): string {
  const of = (key: string): unknown => attributes[key];
  const line = of("code.line.number") === undefined ? "" : ` :${String(of("code.line.number"))}`;
  const error = of("error.type") === undefined ? "" : ` ${of("status") === undefined ? "" : "ERROR "}${String(of("error.type"))}`;
  const broke = of("broke_early") === true ? " broke" : "";
  switch (of("flow.construct") ?? name) {
    case "boruna.run":
      return `run${error}`;
    case "boruna.cap":
      return `cap ${String(of("cap.name"))}${line}${error}`;
    case "boruna.call":
      return `call ${String(of("code.function.name"))}/${String(of("call.argument_count"))}${line}${error}`;
    case "if":
      return `if ${String(of("branch_taken"))} of ${String(of("branch_count"))}${line}${error}`;
    case "match":
      return `match ${String(of("arm_taken"))} of ${String(of("arm_count"))}${line}${error}`;
    case "while":
      return `while ${String(of("iteration_count"))}${broke}${line}${error}`;
    case "for":
      return `for ${String(of("variable_name"))} ${String(of("iteration_count"))}${broke}${line}${error}`;
    default:
      return `#${String(of("index"))}${line}${error}`;
  }
}
