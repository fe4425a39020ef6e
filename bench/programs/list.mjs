export function main(n) {
  const xs = [];
  for (let i = 0; i < n; i++) xs.push(i);
  let total = 0;
  for (let i = 0; i < xs.length; i++) total += xs[i];
  return total;
}
