const compose = (f, g) => (x) => g(f(x));

export function main(n) {
  const sales = Array.from({ length: n }, (_, i) => ({
    region: i % 3 === 0 ? "north" : "south",
    amount: (i * 31) % 1000,
    day: i % 28,
  }));
  const withTax = compose(
    (x) => Math.trunc((x * 119) / 100),
    (x) => x + 5,
  );
  const north = sales
    .filter((s) => s.region === "north" && s.day > 6)
    .map((s) => withTax(s.amount))
    .reduce((sum, x) => sum + x, 0);
  const big = sales.filter((s) => s.amount > 900).length;
  const first = sales.find((s) => s.amount === 997);
  return north + big + (first?.day ?? -1);
}
