function apply(products, event) {
  const product = products[event.id];
  switch (event.kind) {
    case "received":
      product.stock += event.count;
      break;
    case "reserved":
      if (product.stock - product.reserved >= event.count) product.reserved += event.count;
      break;
    case "shipped": {
      const sent = Math.min(event.count, product.reserved);
      product.reserved -= sent;
      product.stock -= sent;
      break;
    }
    default:
      product.price = event.price;
  }
}

function makeEvent(i) {
  const id = (i * 7) % 20;
  switch (i % 4) {
    case 0:
      return { kind: "received", id, count: (i % 9) + 1 };
    case 1:
      return { kind: "reserved", id, count: (i % 5) + 1 };
    case 2:
      return { kind: "shipped", id, count: (i % 3) + 1 };
    default:
      return { kind: "priced", id, price: 100 + (i % 50) };
  }
}

export function main(n) {
  const products = Array.from({ length: 20 }, (_, i) => ({ name: `product ${i}`, stock: 10, reserved: 0, price: 100 }));
  for (let i = 0; i < n; i++) apply(products, makeEvent(i));
  return products.reduce((sum, p) => sum + p.stock * p.price + p.reserved, 0);
}
