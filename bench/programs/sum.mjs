export function main(n) {
  let total = 0;
  for (let i = 0; i < n; i++) total += i % 7;
  return total;
}
