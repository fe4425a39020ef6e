/**
 * The runs of a pool that wait for a worker, fair between tenants. The tenant with the fewest runs under way comes first; among equals
 * the one that was served longest ago. The runs of one tenant start in the order in which they came.
 */

/** Number of runs that may overtake a run that fits into no worker yet. After that, all runs wait for it. */
const MAX_OVERTAKEN = 64;

export interface QueueLimits {
  /** The most runs that wait, of all tenants together. */
  readonly maxQueued: number;
  /** The most runs of one tenant that wait. */
  readonly maxQueuedPerTenant: number;
}

interface Waiting<T> {
  readonly item: T;
  /** How many runs have overtaken this one because it did not fit. */
  overtaken: number;
}

interface Tenant<T> {
  readonly waiting: Waiting<T>[];
  /** Number of runs that have a place in the queue and are not ready yet. */
  reserved: number;
  running: number;
  /** The value of `#starts` when one of the tenant's runs last started. */
  servedAt: number;
}

export class FairQueue<T> {
  readonly #limits: QueueLimits;
  /** The tenants with a run that waits or is under way. */
  readonly #tenants = new Map<string, Tenant<T>>();
  #length = 0;
  #starts = 0;

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  /** The number of runs that wait or have a place. */
  get length(): number {
    return this.#length;
  }

  /** Returns which limit another run of the tenant would exceed, or undefined. */
  limitReached(tenant: string): keyof QueueLimits | undefined {
    const { maxQueued, maxQueuedPerTenant } = this.#limits;
    const { waiting = [], reserved = 0 } = this.#tenants.get(tenant) ?? {};
    if (waiting.length + reserved >= maxQueuedPerTenant) return "maxQueuedPerTenant";
    return this.#length >= maxQueued ? "maxQueued" : undefined;
  }

  /** Reserves a place for a run of the tenant. `add` or `giveBack` must follow. */
  reserve(tenant: string): void {
    const entry = this.#tenants.get(tenant) ?? { waiting: [], reserved: 0, running: 0, servedAt: this.#starts };
    this.#tenants.set(tenant, entry);
    entry.reserved += 1;
    this.#length += 1;
  }

  /** Puts a run into its reserved place. */
  add(tenant: string, item: T): void {
    const entry = this.#tenants.get(tenant);
    if (entry === undefined) return;
    entry.reserved -= 1;
    entry.waiting.push({ item, overtaken: 0 });
  }

  giveBack(tenant: string): void {
    const entry = this.#tenants.get(tenant);
    if (entry === undefined) return;
    entry.reserved -= 1;
    this.#length -= 1;
    this.#forgetIdle(tenant, entry);
  }

  /** Removes a run that waits. Returns false if it does not wait. */
  remove(tenant: string, item: T): boolean {
    const entry = this.#tenants.get(tenant);
    const index = entry?.waiting.findIndex((waiting) => waiting.item === item) ?? -1;
    if (entry === undefined || index < 0) return false;
    entry.waiting.splice(index, 1);
    this.#length -= 1;
    this.#forgetIdle(tenant, entry);
    return true;
  }

  /**
   * Removes the run that starts next, and counts it as under way. Runs that do not fit now are left out, unless too many others have
   * overtaken one of them. Returns undefined if no run may start.
   */
  start(fits: (item: T) => boolean): T | undefined {
    let next: Tenant<T> | undefined;
    const leftOut: Waiting<T>[] = [];
    for (const tenant of this.#tenants.values()) {
      const [first] = tenant.waiting;
      if (first === undefined) continue;
      if (fits(first.item)) {
        if (next === undefined || isBefore(tenant, next)) next = tenant;
      } else if (first.overtaken >= MAX_OVERTAKEN) return undefined;
      else leftOut.push(first);
    }
    const started = next?.waiting.shift();
    if (next === undefined || started === undefined) return undefined;
    for (const waiting of leftOut) waiting.overtaken += 1;
    this.#starts += 1;
    this.#length -= 1;
    next.running += 1;
    next.servedAt = this.#starts;
    return started.item;
  }

  /** Call it when a run that was under way has ended. */
  ended(tenant: string): void {
    const entry = this.#tenants.get(tenant);
    if (entry === undefined) return;
    entry.running -= 1;
    this.#forgetIdle(tenant, entry);
  }

  #forgetIdle(tenant: string, { waiting, reserved, running }: Tenant<T>): void {
    if (waiting.length + reserved + running === 0) this.#tenants.delete(tenant);
  }
}

function isBefore(a: Tenant<unknown>, b: Tenant<unknown>): boolean {
  return a.running === b.running ? a.servedAt < b.servedAt : a.running < b.running;
}
