function shortest(walls) {
  const size = walls.length;
  const seen = walls.map((row) => row.map(() => false));
  seen[0][0] = true;
  let frontier = [[0, 0]];
  let steps = 0;
  while (frontier.length > 0) {
    const next = [];
    for (const [y, x] of frontier) {
      if (y === size - 1 && x === size - 1) return steps;
      for (const [dy, dx] of [
        [0, 1],
        [1, 0],
        [0, -1],
        [-1, 0],
      ]) {
        const ny = y + dy;
        const nx = x + dx;
        if (ny < 0 || nx < 0 || ny >= size || nx >= size) continue;
        if (walls[ny][nx] || seen[ny][nx]) continue;
        seen[ny][nx] = true;
        next.push([ny, nx]);
      }
    }
    frontier = next;
    steps += 1;
  }
  return undefined;
}

export function main(n) {
  const walls = Array.from({ length: n }, (_, y) =>
    Array.from({ length: n }, (_, x) => y % 4 === 2 && x !== (Math.trunc(y / 4) % 2) * (n - 1)),
  );
  const steps = shortest(walls);
  return steps === undefined ? "no way" : `${steps} steps`;
}
