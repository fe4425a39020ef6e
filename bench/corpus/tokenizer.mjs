const isDigit = (c) => c >= 48 && c <= 57;

const isLetter = (c) => (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || c === 95;

function tokenize(text) {
  const tokens = [];
  let i = 0;
  while (i < text.length) {
    const c = text.charCodeAt(i);
    const start = i;
    if (isDigit(c)) {
      let value = 0;
      while (i < text.length && isDigit(text.charCodeAt(i))) value = value * 10 + text.charCodeAt(i++) - 48;
      tokens.push({ kind: "number", value });
    } else if (isLetter(c)) {
      while (i < text.length && (isLetter(text.charCodeAt(i)) || isDigit(text.charCodeAt(i)))) i += 1;
      tokens.push({ kind: "word", text: text.slice(start, i) });
    } else {
      i += 1;
      if (c !== 32 && c !== 10) tokens.push({ kind: "symbol", text: String.fromCharCode(c) });
    }
  }
  return tokens;
}

export function main(n) {
  const source = "let total_2 = price * (quantity + 17) - discount / 100;\n".repeat(n);
  let numbers = 0;
  let words = 0;
  let symbols = 0;
  for (const token of tokenize(source)) {
    if (token.kind === "number") numbers += token.value;
    else if (token.kind === "word") words += token.text.length;
    else symbols += 1;
  }
  return `${numbers} ${words} ${symbols}`;
}
