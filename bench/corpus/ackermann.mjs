function ackermann(m, n) {
  if (m === 0) return n + 1;
  if (n === 0) return ackermann(m - 1, 1);
  return ackermann(m - 1, ackermann(m, n - 1));
}

const depth = (n) => (n === 0 ? 0 : 1 + depth(n - 1));

const hanoi = (n, from, to, via) => (n === 0 ? 0 : hanoi(n - 1, from, via, to) + 1 + hanoi(n - 1, via, to, from));

export const main = (n) => ackermann(2, n) + depth(n * 5) + hanoi(Math.trunc(n / 12), 1, 3, 2);
