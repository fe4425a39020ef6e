function parseLine(line) {
  const cells = line.split(",");
  if (cells.length !== 3) return undefined;
  const amount = cells[2].trim();
  if (!/^[+-]?\d+$/.test(amount)) return undefined;
  return { name: cells[0].trim(), city: cells[1].trim(), amount: Number(amount) };
}

function totals(rows) {
  const sums = new Map();
  for (const { city, amount } of rows) sums.set(city, (sums.get(city) ?? 0) + amount);
  return sums;
}

export function main(n) {
  const lines = Array.from({ length: n }, (_, i) =>
    i % 50 === 7 ? `broken ${i}` : `person ${i}, city ${(i * 31) % 40}, ${(i * 17) % 1000}`,
  );
  const rows = [];
  let errors = 0;
  for (const line of lines.join("\n").split("\n")) {
    const row = parseLine(line);
    if (row === undefined) errors += 1;
    else rows.push(row);
  }
  const report = [...totals(rows)].sort(([a], [b]) => (a < b ? -1 : 1)).map(([city, sum]) => `${city},${sum}`);
  return `${errors} errors\n${report.join("\n")}`;
}
