function required(field, text) {
  const trimmed = text.trim();
  if (trimmed === "") throw new Error(`${field} is missing`);
  return trimmed;
}

function numberBetween(field, text, low, high) {
  if (!/^[+-]?\d+$/.test(text)) throw new Error(`${field} is not a number`);
  const n = Number(text);
  if (n < low || n > high) throw new Error(`${field} must be from ${low} to ${high}`);
  return n;
}

function email(text) {
  const address = required("email", text);
  const parts = address.split("@");
  if (parts.length !== 2 || parts[0] === "" || !parts[1].includes(".")) throw new Error("email is wrong");
  return address.toLowerCase();
}

function validate(form) {
  try {
    const name = required("name", form.name);
    const address = email(form.email);
    const age = numberBetween("age", form.age, 18, 120);
    if (form.tags.some((tag) => tag.length > 8)) throw new Error("a tag is too long");
    return { ok: true, user: { name, email: address, age, tags: [...new Set(form.tags)] } };
  } catch (error) {
    return { ok: false, why: error.message };
  }
}

const makeForm = (i) => ({
  name: i % 11 === 0 ? "  " : ` User ${i} `,
  email: i % 7 === 0 ? `user${i}` : `User${i}@Example.com`,
  age: i % 13 === 0 ? "old" : String(i % 130),
  tags: ["new", `tag${i % 3}`, i % 17 === 0 ? "much too long" : "new"],
});

export function main(n) {
  const reasons = new Map();
  let characters = 0;
  for (let i = 0; i < n; i++) {
    const result = validate(makeForm(i));
    if (result.ok) characters += result.user.name.length + result.user.email.length + result.user.tags.length;
    else reasons.set(result.why, (reasons.get(result.why) ?? 0) + 1);
  }
  const sorted = [...reasons].sort(([a], [b]) => (a < b ? -1 : 1));
  return `${characters} ${sorted.map(([why]) => why).join(", ")} [${sorted.map(([, count]) => count).join(", ")}]`;
}
