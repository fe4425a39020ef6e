function wrap(text, width) {
  const lines = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line === "") line = word;
    else if (line.length + 1 + word.length <= width) line += ` ${word}`;
    else {
      lines.push(line);
      line = word;
    }
  }
  if (line !== "") lines.push(line);
  return lines;
}

const justify = (line, width) => line.padStart(width, " ");

export function main(n) {
  const text = "The quick brown fox jumps over the lazy dog and runs away from all of it. ".repeat(n);
  return wrap(text, 40)
    .map((line) => justify(line, 42))
    .join("\n").length;
}
