/**
 * The functions of the platform that the gateway uses: Node, or a web page. A page has only its own handlers, so the gateway need not
 * recognize proxies there.
 */

/** Node's `process`, from which builtin modules that load slowly are requested when they are needed. Undefined in a web page. */
export const NODE = typeof process === "undefined" ? undefined : process;

const PAGE_TYPES: Pick<typeof import("node:util/types"), "isPromise" | "isProxy"> = {
  isPromise: (value): value is Promise<unknown> => value instanceof Promise,
  isProxy: () => false,
};

/** Whether a value is a promise, and whether it is a proxy. Neither runs code of the value. */
export const { isPromise, isProxy } = NODE?.getBuiltinModule("node:util/types") ?? PAGE_TYPES;

/** Keeps Node from warning about more than ten listeners. */
export const allowManyListeners: (signal: AbortSignal) => void =
  NODE === undefined ? () => undefined : (signal) => NODE.getBuiltinModule("node:events").setMaxListeners(0, signal);

/** Reads a monotonic clock in milliseconds. Node's `performance.now()` is not used, because loading `performance` takes longer than a short run. */
export const monotonicMs: () => number =
  NODE === undefined
    ? () => performance.now()
    : () => {
        const [seconds, nanoseconds] = NODE.hrtime();
        return seconds * 1e3 + nanoseconds / 1e6;
      };

/**
 * Calls `next` when the event loop has run once. In Node it is an immediate, which runs after timers and sockets even if it is set inside
 * another immediate; a message of a `MessageChannel` may run before them.
 */
export const afterOneLoop: (next: () => void) => void = NODE === undefined ? pageLoop() : (next) => void setImmediate(next);

/** Browsers delay timers that set timers, but not messages. */
function pageLoop(): typeof afterOneLoop {
  const { port1, port2 } = new MessageChannel();
  const waiting: (() => void)[] = [];
  // The type of Node does not have this property.
  Object.assign(port1, { onmessage: () => waiting.shift()?.() });
  return (next) => {
    waiting.push(next);
    port2.postMessage(undefined);
  };
}
