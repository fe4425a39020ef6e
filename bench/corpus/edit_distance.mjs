function distance(a, b) {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 0; i < a.length; i++) {
    const row = [i + 1];
    for (let j = 0; j < b.length; j++) {
      const cost = a[i] === b[j] ? 0 : 1;
      row.push(Math.min(row[j] + 1, previous[j + 1] + 1, previous[j] + cost));
    }
    previous = row;
  }
  return previous[b.length];
}

export const main = (n) => distance("kitten on the mat ".repeat(n), "sitting at the map ".repeat(n));
