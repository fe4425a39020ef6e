function rotate(c, by) {
  if (c >= 97 && c <= 122) return ((c - 97 + by) % 26) + 97;
  if (c >= 65 && c <= 90) return ((c - 65 + by) % 26) + 65;
  return c;
}

function encrypt(text, by) {
  let out = "";
  for (let i = 0; i < text.length; i++) out += String.fromCharCode(rotate(text.charCodeAt(i), by));
  return out;
}

export function main(n) {
  const text = "Attack the Castle at Dawn, not before! ".repeat(n);
  const secret = encrypt(text, 3);
  return secret !== text && encrypt(secret, 23) === text;
}
