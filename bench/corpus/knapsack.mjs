function bestValue(items, capacity) {
  const best = Array.from({ length: capacity + 1 }, () => 0);
  for (const { weight, value } of items) {
    for (let room = capacity; room >= weight; room--) best[room] = Math.max(best[room], best[room - weight] + value);
  }
  return best[capacity];
}

export function main(n) {
  const items = Array.from({ length: n }, (_, i) => ({ weight: 5 + ((i * 37) % 41), value: 10 + ((i * 53) % 97) }));
  return bestValue(items, n * 10);
}
