function neighbours(grid, y, x) {
  const height = grid.length;
  const width = grid[0].length;
  let count = 0;
  for (let dy = -1; dy <= 1; dy++) {
    for (let dx = -1; dx <= 1; dx++) {
      if (dy === 0 && dx === 0) continue;
      if (grid[(y + dy + height) % height][(x + dx + width) % width]) count += 1;
    }
  }
  return count;
}

const step = (grid) =>
  grid.map((row, y) =>
    row.map((alive, x) => {
      const n = neighbours(grid, y, x);
      return n === 3 || (alive && n === 2);
    }),
  );

export function main(n) {
  let grid = Array.from({ length: n }, (_, y) => Array.from({ length: n }, (_, x) => (x * 7 + y * 13 + x * y) % 5 < 2));
  for (let i = 0; i < 5; i++) grid = step(grid);
  return grid.reduce((sum, row) => sum + row.filter((alive) => alive).length, 0);
}
