/**
 * What the gateway needs of the platform, which is Node or a web page. In a page, all handlers belong to the page, so the gateway need not
 * recognize proxies.
 */

/** Node's `process`, whose `getBuiltinModule` loads slow modules only when they are needed. Undefined in a web page. */
export const NODE = typeof process === "undefined" ? undefined : process;

const PAGE_TYPES: Pick<typeof import("node:util/types"), "isPromise" | "isProxy"> = {
  isPromise: (value): value is Promise<unknown> => value instanceof Promise,
  isProxy: () => false,
};

/** `isPromise` and `isProxy` run no code of the value that they examine. */
export const { isPromise, isProxy } = NODE?.getBuiltinModule("node:util/types") ?? PAGE_TYPES;

/** Keeps Node from warning about more than ten listeners on a signal. */
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
 * Calls `next` when the event loop has run once. In Node, an immediate does this: it runs after timers and sockets, even if another
 * immediate sets it. A message of a `MessageChannel` would not do, because it may arrive before timers and sockets.
 */
export const afterOneLoop: (next: () => void) => void = NODE === undefined ? pageLoop() : (next) => void setImmediate(next);

/**
 * Called in a microtask, calls `next` after the microtasks that are due and those that they add. (Called elsewhere, Node calls `next` before
 * them.) In a page, calls `next` after a pass of the event loop.
 */
export const afterMicrotasks: (next: () => void) => void = NODE === undefined ? afterOneLoop : (next) => NODE.nextTick(next);

/** Implements `afterOneLoop` with messages, because browsers delay timers that set timers. */
function pageLoop(): typeof afterOneLoop {
  const { port1, port2 } = new MessageChannel();
  const waiting: (() => void)[] = [];
  // Node's type of `port1` does not have `onmessage`.
  Object.assign(port1, { onmessage: () => waiting.shift()?.() });
  return (next) => {
    waiting.push(next);
    port2.postMessage(undefined);
  };
}
