export function main(n) {
  let x = 0;
  for (let i = 0; i < n; i++) x = x * 0.5 + 1.25;
  return x;
}
