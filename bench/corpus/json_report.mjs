function sample(n) {
  const events = Array.from(
    { length: n },
    (_, i) => `{"id": ${i}, "kind": "${i % 3 === 0 ? "error" : "info"}", "ms": ${(i * 37) % 500}, "tags": ["a", "b${i % 4}"]}`,
  );
  return `{"service": "shop", "events": [${events.join(",")}]}`;
}

// The keys of the text are in order, because the language's are.
const ordered = ({ id, kind, ms, tags }) => ({ id, kind, ms, tags });

export function main(n) {
  const log = JSON.parse(sample(n));
  const slow = [];
  let errors = 0;
  for (const event of log.events) {
    if (event.kind === "error") errors += 1;
    if (event.ms > 450) slow.push(ordered(event));
  }
  return JSON.stringify({ errors, service: log.service, slow });
}
