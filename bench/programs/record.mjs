function step(p) {
  return { a: p.a + 1, b: (p.b + p.a) % 1000 };
}

export function main(n) {
  let p = { a: 0, b: 0 };
  for (let i = 0; i < n; i++) p = step(p);
  return p.a + p.b;
}
