function countWords(text) {
  const counts = new Map();
  for (const word of text.toLowerCase().split(" ")) {
    if (word === "") continue;
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return counts;
}

export function main(n) {
  const words = Array.from({ length: n }, (_, i) => `word${(i * i) % 613}`);
  const top = [...countWords(words.join(" "))].sort(([a, x], [b, y]) => (x === y ? (a < b ? -1 : 1) : y - x)).slice(0, 5);
  return top.map(([word, count]) => `${word}: ${count}`).join(", ");
}
