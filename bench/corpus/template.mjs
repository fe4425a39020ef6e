// Replaces each {{name}} by its value; an unknown name stays.
const render = (template, values) => template.replace(/\{\{(.*?)\}\}/g, (_, name) => values[name.trim()] ?? `{{${name.trim()}}}`);

export function main(n) {
  const letter = "Dear {{ name }}, your order {{id}} of {{count}} items costs {{price}} {{currency}}. Yours, {{ sender }}.";
  let total = 0;
  for (let i = 0; i < n; i++) {
    const values = {
      name: `customer ${i}`,
      id: String(i * 7),
      count: String((i % 5) + 1),
      price: `${i % 100}.50`,
      sender: "the shop",
    };
    total += render(letter, values).length;
  }
  return total;
}
