/** The queue of a pool: which run starts next, and how many may wait. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FairQueue } from "../../runtime/pool/fair-queue.ts";
import { scaledRuns } from "../cases.ts";

interface Item {
  readonly tenant: string;
  readonly number: number;
  readonly size: number;
}

const LIMITS = { maxQueued: 1_000_000, maxQueuedPerTenant: 1_000_000 };

function queueOf(items: readonly Item[], limits = LIMITS): FairQueue<Item> {
  const queue = new FairQueue<Item>(limits);
  for (const item of items) {
    queue.reserve(item.tenant);
    queue.add(item.tenant, item);
  }
  return queue;
}

/** Returns items of one tenant. */
const many = (tenant: string, count: number): readonly Item[] =>
  Array.from({ length: count }, (_, number) => ({ tenant, number, size: 1 }));
const always = (): boolean => true;

test("the tenant with the fewest running runs is next, and the runs of a tenant keep their order", () => {
  const step = fc.oneof(
    fc.record({ add: fc.constantFrom("a", "b", "c", "d") }),
    fc.constant("start" as const),
    fc.record({ end: fc.nat(100) }),
    fc.record({ cancel: fc.nat(100) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200, size: "max" }), (steps) => {
      const queue = new FairQueue<Item>(LIMITS);
      const waiting: Item[] = [];
      const running: Item[] = [];
      const runningOf = (tenant: string): number => running.filter((item) => item.tenant === tenant).length;
      let number = 0;
      for (const next of steps) {
        if (next === "start") {
          const started = queue.start(always);
          if (started === undefined) {
            expect(waiting).toEqual([]);
            continue;
          }
          const fewest = Math.min(...waiting.map(({ tenant }) => runningOf(tenant)));
          expect(runningOf(started.tenant)).toBe(fewest);
          expect(waiting.find(({ tenant }) => tenant === started.tenant)).toBe(started);
          waiting.splice(waiting.indexOf(started), 1);
          running.push(started);
        } else if ("add" in next) {
          number += 1;
          const item = { tenant: next.add, number, size: 1 };
          queue.reserve(item.tenant);
          queue.add(item.tenant, item);
          waiting.push(item);
        } else if ("end" in next) {
          const [item] = running.splice(next.end % Math.max(1, running.length), 1);
          if (item !== undefined) queue.ended(item.tenant);
        } else {
          const [item] = waiting.splice(next.cancel % Math.max(1, waiting.length), 1);
          if (item !== undefined) expect(queue.remove(item.tenant, item)).toBe(true);
        }
        expect(queue.length).toBe(waiting.length);
      }
    }),
    { numRuns: scaledRuns(500) },
  );
});

test("a tenant with a thousand runs gets as many starts as one with ten, as long as both wait", () => {
  const queue = queueOf([...many("many", 1_000), ...many("few", 10)]);
  const starts: string[] = [];
  for (let n = 0; n < 20; n++) {
    const started = queue.start(always);
    if (started === undefined) throw new Error("nothing waits");
    starts.push(started.tenant);
    queue.ended(started.tenant);
  }
  expect(starts.filter((tenant) => tenant === "few")).toHaveLength(10);
});

describe("a run that fits in no worker now", () => {
  const large = { tenant: "large", number: 0, size: 2 };
  const isSmall = ({ size }: Item): boolean => size < 2;

  test("is overtaken by a limited number of others", () => {
    const queue = queueOf([large, ...many("small", 1_000)]);
    let overtaken = 0;
    while (queue.start(isSmall) !== undefined) overtaken += 1;
    expect(overtaken).toBe(64);
    expect(queue.start(always)).toBe(large);
    expect(queue.start(isSmall)).toMatchObject({ tenant: "small" });
  });

  test("does not hold up the others after it is canceled", () => {
    const queue = queueOf([large, ...many("small", 100)]);
    while (queue.start(isSmall) !== undefined);
    expect(queue.remove("large", large)).toBe(true);
    expect(queue.remove("large", large)).toBe(false);
    expect(queue.start(isSmall)).toMatchObject({ tenant: "small", number: 64 });
  });
});

test("reserved places count for the limits of all tenants and of one", () => {
  const queue = queueOf(many("a", 2), { maxQueued: 4, maxQueuedPerTenant: 3 });
  expect(queue.limitReached("a")).toBeUndefined();
  queue.reserve("a");
  expect([queue.limitReached("a"), queue.limitReached("b")]).toEqual(["maxQueuedPerTenant", undefined]);
  queue.reserve("b");
  expect(queue.limitReached("c")).toBe("maxQueued");
  queue.giveBack("b");
  queue.giveBack("a");
  expect([queue.limitReached("a"), queue.length]).toEqual([undefined, 2]);
});
