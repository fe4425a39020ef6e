function read(text) {
  const order = JSON.parse(text);
  if (!Number.isInteger(order.id)) throw new Error("id");
  if (typeof order.customer !== "string") throw new Error("customer");
  if (typeof order.paid !== "boolean") throw new Error("paid");
  for (const item of order.items) {
    if (typeof item.sku !== "string" || !Number.isInteger(item.count)) throw new Error("items");
  }
  return order;
}

const makeOrder = (i) => ({
  customer: `customer ${i % 50}`,
  id: i,
  items: [
    { count: (i % 4) + 1, sku: `A${i % 9}` },
    { count: 2, sku: "B7" },
  ],
  note: i % 5 === 0 ? "please hurry" : null,
  paid: i % 3 !== 0,
});

export function main(n) {
  let unpaid = 0;
  let items = 0;
  let length = 0;
  for (let i = 0; i < n; i++) {
    const text = JSON.stringify(makeOrder(i));
    length += text.length;
    const order = read(text);
    if (!order.paid) unpaid += 1;
    for (const item of order.items) items += item.count;
  }
  return `${unpaid} ${items} ${length}`;
}
