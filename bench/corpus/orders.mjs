function revenue(customers, orders) {
  const index = new Map(customers.map((c) => [c.id, c]));
  const sums = new Map();
  for (const order of orders) {
    const customer = index.get(order.customer);
    if (customer === undefined) continue;
    sums.set(customer.region, (sums.get(customer.region) ?? 0) + order.quantity * order.price);
  }
  return sums;
}

function groupBy(items, key) {
  const groups = new Map();
  for (const item of items) {
    const k = key(item);
    const group = groups.get(k);
    if (group === undefined) groups.set(k, [item]);
    else group.push(item);
  }
  return groups;
}

const sorted = (map) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));

export function main(n) {
  const regions = ["north", "south", "east", "west"];
  const customers = Array.from({ length: Math.trunc(n / 10) }, (_, i) => ({
    id: i * 3,
    name: `customer ${i}`,
    region: regions[i % 4],
  }));
  const orders = Array.from({ length: n }, (_, i) => ({
    customer: (i * 7) % Math.trunc(n / 3),
    product: `p${i % 20}`,
    quantity: 1 + (i % 5),
    price: 100 + ((i * 13) % 900),
  }));
  let best;
  for (const entry of sorted(groupBy(orders, (o) => o.product))) {
    if (best === undefined || entry[1].length > best[1].length) best = entry;
  }
  const sums = sorted(revenue(customers, orders)).map(([region, sum]) => `${region} ${sum}`);
  return `${best?.[0] ?? "none"}; ${sums.join(", ")}`;
}
