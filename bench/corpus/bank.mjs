// An actor is a generator that takes messages from a mailbox; the scheduler runs whoever has one.
function* account(actor, system) {
  let balance = 0;
  for (;;) {
    while (actor.mailbox.length === 0) yield;
    const { from, command, amount } = actor.mailbox.shift();
    if (command === "close") return;
    if (command === "deposit") balance += amount;
    else if (amount <= balance) balance -= amount;
    else {
      system.send(from, { kind: "refused", why: `only ${balance} left` });
      continue;
    }
    system.send(from, { kind: "balance", balance });
  }
}

function* bank(actor, system, n) {
  const target = system.spawn(account);
  let refused = 0;
  let last = 0;
  for (let i = 0; i < n; i++) {
    const message = i % 3 === 2 ? { command: "withdraw", amount: i % 90 } : { command: "deposit", amount: i % 40 };
    system.send(target, { from: actor, ...message });
    while (actor.mailbox.length === 0) yield;
    const reply = actor.mailbox.shift();
    if (reply.kind === "balance") last = reply.balance;
    else refused += 1;
  }
  system.send(target, { from: actor, command: "close" });
  return `${last} ${refused}`;
}

class System {
  ready = [];

  spawn(body, ...args) {
    const actor = { mailbox: [], result: undefined };
    actor.run = body(actor, this, ...args);
    this.ready.push(actor);
    return actor;
  }

  send(actor, message) {
    actor.mailbox.push(message);
    this.ready.push(actor);
  }

  run() {
    for (let actor = this.ready.shift(); actor !== undefined; actor = this.ready.shift()) {
      const { done, value } = actor.run.next();
      if (done && value !== undefined) actor.result = value;
    }
  }
}

export function main(n) {
  const system = new System();
  const actor = system.spawn(bank, n);
  system.run();
  return actor.result;
}
