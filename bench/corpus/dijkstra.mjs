function push(heap, visit) {
  heap.push(visit);
  let i = heap.length - 1;
  while (i > 0) {
    const parent = (i - 1) >> 1;
    if (heap[parent].distance <= heap[i].distance) break;
    [heap[i], heap[parent]] = [heap[parent], heap[i]];
    i = parent;
  }
}

function pop(heap) {
  const first = heap[0];
  const last = heap.pop();
  if (heap.length === 0) return first;
  heap[0] = last;
  let i = 0;
  while (2 * i + 1 < heap.length) {
    const left = 2 * i + 1;
    const right = left + 1;
    const child = right < heap.length && heap[right].distance < heap[left].distance ? right : left;
    if (heap[i].distance <= heap[child].distance) break;
    [heap[i], heap[child]] = [heap[child], heap[i]];
    i = child;
  }
  return first;
}

function distances(graph, start) {
  const best = graph.map(() => -1);
  const heap = [{ distance: 0, node: start }];
  while (heap.length > 0) {
    const { distance, node } = pop(heap);
    if (best[node] >= 0) continue;
    best[node] = distance;
    for (const { to, cost } of graph[node]) {
      if (best[to] < 0) push(heap, { distance: distance + cost, node: to });
    }
  }
  return best;
}

export function main(n) {
  const graph = Array.from({ length: n }, (_, i) =>
    [1, 2, 3, 4].map((k) => ({ to: (i * k * 7 + k * 13 + 1) % n, cost: 1 + ((i * 31 + k * 17) % 23) })),
  );
  return distances(graph, 0).reduce((sum, distance) => sum + distance, 0);
}
