function encode(text) {
  const runs = [];
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    count += 1;
    if (text[i + 1] !== text[i]) {
      runs.push({ letter: text[i], count });
      count = 0;
    }
  }
  return runs;
}

const decode = (runs) => runs.map(({ letter, count }) => letter.repeat(count)).join("");

export function main(n) {
  const text = Array.from({ length: n }, (_, i) => String.fromCharCode(97 + (i % 26)).repeat(1 + (i % 7))).join("");
  const runs = encode(text);
  return `${runs.length} ${text.length} ${decode(runs) === text}`;
}
