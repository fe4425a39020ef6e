/** A `fetch` that cuts off answers that are too long. */

/** Returns a `fetch` that cuts off an answer after `maxBytes`, and then calls `onTooMuch`. */
export function boundedFetch(maxBytes: number, onTooMuch: () => void): (url: string | URL, init?: RequestInit) => Promise<Response> {
  return async (url, init) => {
    // The SDK asks for a stream of notifications. This client reads none.
    if (init?.method === "GET") return new Response(null, { status: 405 });
    const response = await fetch(url, init);
    if (response.body === null) return response;
    let left = maxBytes;
    const counted = response.body.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform: (chunk, controller) => {
          left -= chunk.byteLength;
          if (left >= 0) return controller.enqueue(chunk);
          onTooMuch();
          controller.error(new Error("the answer is too long"));
        },
      }),
    );
    return new Response(counted, { status: response.status, statusText: response.statusText, headers: response.headers });
  };
}
