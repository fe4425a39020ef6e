const PARTNERS = { ")": "(", "]": "[", "}": "{" };

function isBalanced(text) {
  const open = [];
  for (const c of text) {
    if (c === "(" || c === "[" || c === "{") open.push(c);
    else if (c in PARTNERS && open.pop() !== PARTNERS[c]) return false;
  }
  return open.length === 0;
}

export function main(n) {
  const texts = Array.from({ length: n }, (_, i) => "(a[b]{c})".repeat(i % 9) + (i % 4 === 0 ? ")" : ""));
  return texts.filter(isBalanced).length;
}
