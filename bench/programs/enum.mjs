function area(s) {
  switch (s.tag) {
    case "circle":
      return 3 * s.size * s.size;
    case "square":
      return s.size * s.size;
    default:
      return 0;
  }
}

// Three matches in each turn.
export function main(n) {
  let total = 0;
  for (let i = 0; i < n; i += 3) {
    total = (total + area({ tag: "circle", size: i % 10 }) + area({ tag: "square", size: i % 7 }) + area({ tag: "empty" })) % 1_000_000;
  }
  return total;
}
