class Random {
  constructor(seed) {
    this.seed = seed;
  }

  below(limit) {
    this.seed = (this.seed * 1103 + 12345) % 65536;
    return this.seed % limit;
  }
}

function makeCustomers(n) {
  const random = new Random(42);
  let now = 0;
  const out = [];
  for (let i = 0; i < n; i++) {
    now += random.below(10);
    out.push({ arrival: now, service: random.below(18) + 1 });
  }
  return out;
}

function averageWait(customers, desks) {
  const freeAt = Array.from({ length: desks }, () => 0);
  let waited = 0;
  for (const { arrival, service } of customers) {
    let first = 0;
    for (let desk = 1; desk < desks; desk++) if (freeAt[desk] < freeAt[first]) first = desk;
    const start = Math.max(arrival, freeAt[first]);
    waited += start - arrival;
    freeAt[first] = start + service;
  }
  return waited / customers.length;
}

export function main(n) {
  const customers = makeCustomers(n);
  return [1, 2, 3, 4].map((desks) => String(Math.round(averageWait(customers, desks) * 100))).join(" ");
}
