// The capabilities of a shop, for workers and for those who submit: `--capabilities shop.mjs`. Each call leaves a line in the file LEDGER.
import { appendFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const note = (line) => appendFileSync(process.env.LEDGER ?? "ledger.txt", `${line}\n`);
const text = (name) => ({ name, type: "String" });

export const capabilities = [
  {
    name: "shop.charge",
    version: "1",
    params: [text("order"), { name: "cents", type: "Int" }],
    result: "String",
    // Nobody is charged twice: if a worker dies during this call, the run stops as in_doubt, and its owner decides.
    mayRepeat: false,
    handler: ([order, cents]) => {
      note(`charge ${order} ${cents}`);
      return `receipt-${order}`;
    },
    mock: "receipt",
  },
  {
    name: "shop.pack",
    version: "1",
    params: [text("order")],
    result: "String",
    // To ask again for the same parcel does no harm, so another worker may repeat the call.
    mayRepeat: true,
    handler: async ([order], { signal }) => {
      note(`pack ${order}`);
      await sleep(Number(process.env.PACK_MS ?? 2_000), undefined, { signal });
      return `parcel-${order}`;
    },
    mock: "parcel",
  },
  {
    name: "shop.mail",
    version: "1",
    params: [text("order"), text("message")],
    result: "Unit",
    mayRepeat: false,
    handler: ([order, message]) => note(`mail ${order}: ${message}`),
    mock: null,
  },
];
