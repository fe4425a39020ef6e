// Two capabilities of a shop. A program may call them if its functions declare them and the policy allows them.
// With --live the handlers answer; without it the mocks do. Arguments and answers are plain JavaScript data.
const orders = new Map([
  ["ada", { total: 4200, items: ["lamp", "desk"] }],
  ["grace", { total: 1500, items: ["chair"] }],
]);

export const capabilities = [
  {
    name: "orders.of",
    version: "1",
    params: [{ name: "customer", type: "String" }],
    result: "Json",
    // Reading changes nothing, so a call whose answer was lost may be made again.
    mayRepeat: true,
    doc: "A customer's orders: total in cents, and items.",
    handler: ([customer], { failure }) => {
      const found = orders.get(customer);
      // The program can catch a failure with `try`. Any other error is a mistake of this file and ends the run.
      if (found === undefined) throw failure(`no customer ${customer}`);
      return found;
    },
    mock: { total: 100, items: ["sample"] },
  },
  {
    name: "mail.send",
    version: "1",
    params: [
      { name: "to", type: "String" },
      { name: "text", type: "String" },
      { name: "copies", type: "Int", default: 1 },
    ],
    result: "Int",
    // If the call is repeated, the customer gets two letters.
    mayRepeat: false,
    doc: "Sends a letter and returns the number of letters sent so far.",
    handler: async ([to, text, copies], { idempotencyKey }) => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      process.stderr.write(`mail to ${to} (${copies}, key ${idempotencyKey.slice(0, 8)}): ${text}\n`);
      return 1;
    },
    mock: ([, , copies]) => copies,
  },
];
