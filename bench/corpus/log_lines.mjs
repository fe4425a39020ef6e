const LINE = /^(\d+\.\d+\.\d+\.\d+) (GET|POST) (\/[\w/]*) (\d+)$/;

function parse(line) {
  const match = LINE.exec(line);
  if (match === null) return undefined;
  const [, ip, method, path, status] = match;
  return { ip, method, path, status: Number(status) };
}

export function main(n) {
  const lines = Array.from({ length: n }, (_, i) =>
    i % 10 === 3 ? `garbage ${i}` : `10.0.${i % 4}.${i % 200} ${i % 5 === 0 ? "POST" : "GET"} /page/${i % 12} ${200 + (i % 7) * 50}`,
  );
  const failed = new Map();
  let unreadable = 0;
  for (const line of lines) {
    const request = parse(line);
    if (request === undefined) unreadable += 1;
    else if (request.status >= 400) failed.set(request.path, (failed.get(request.path) ?? 0) + 1);
  }
  const entries = [...failed].sort(([a], [b]) => (a < b ? -1 : 1)).map(([path, count]) => `${path}: ${count}`);
  return `${unreadable} {${entries.join(", ")}}`;
}
