function table(a, b) {
  const lengths = Array.from({ length: a.length + 1 }, () => Array.from({ length: b.length + 1 }, () => 0));
  for (let i = 0; i < a.length; i++) {
    for (let j = 0; j < b.length; j++) {
      lengths[i + 1][j + 1] = a[i] === b[j] ? lengths[i][j] + 1 : Math.max(lengths[i][j + 1], lengths[i + 1][j]);
    }
  }
  return lengths;
}

function common(a, b) {
  const lengths = table(a, b);
  let i = a.length;
  let j = b.length;
  const found = [];
  while (i > 0 && j > 0) {
    if (a[i - 1] === b[j - 1]) {
      found.push(a[i - 1]);
      i -= 1;
      j -= 1;
    } else if (lengths[i - 1][j] >= lengths[i][j - 1]) i -= 1;
    else j -= 1;
  }
  return found.reverse();
}

export function main(n) {
  const a = Array.from({ length: n }, (_, i) => `line ${(i * i) % 17}`);
  const b = Array.from({ length: n }, (_, i) => `line ${(i * 3) % 19}`);
  const shared = common(a, b);
  return `${shared.length} ${shared.slice(0, 3).join(", ")}`;
}
