function escape(cx, cy) {
  let x = 0;
  let y = 0;
  for (let i = 0; i < 50; i++) {
    const xx = x * x;
    const yy = y * y;
    if (xx + yy > 4) return i;
    y = 2 * x * y + cy;
    x = xx - yy + cx;
  }
  return 50;
}

export function main(n) {
  let total = 0;
  for (let py = 0; py < n; py++) {
    for (let px = 0; px < n; px++) total += escape((px * 3) / n - 2, (py * 2) / n - 1);
  }
  return total;
}
