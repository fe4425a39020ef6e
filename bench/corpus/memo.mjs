// The longest chain n, n / 2 or 3n + 1, ... down to 1, with the lengths found so far in a map.
function chain(lengths, n) {
  if (n === 1) return 1;
  const known = lengths.get(n);
  if (known !== undefined) return known;
  const length = chain(lengths, n % 2 === 0 ? n / 2 : 3 * n + 1) + 1;
  lengths.set(n, length);
  return length;
}

export function main(n) {
  const lengths = new Map();
  let best = 0;
  for (let i = 1; i <= n; i++) best = Math.max(best, chain(lengths, i));
  return best * 1000000 + lengths.size;
}
