/**
 * The queue of a pool: the runs that wait for a worker. It is fair between tenants. The next run is of the tenant with the fewest running
 * runs. If several tenants have as few, it is of the one whose last start was longest ago. The runs of a tenant start in order of arrival.
 */

/** Maximum number of runs that may overtake a run that fits into no worker yet. After that, all runs wait for it. */
const MAX_OVERTAKEN = 64;

export interface QueueLimits {
  /** Maximum number of waiting runs of all tenants together. */
  readonly maxQueued: number;
  /** Maximum number of waiting runs of one tenant. */
  readonly maxQueuedPerTenant: number;
}

interface Waiting<T> {
  readonly item: T;
  /** How many runs have overtaken this one because it did not fit. */
  overtaken: number;
}

interface Tenant<T> {
  readonly waiting: Waiting<T>[];
  /** Number of places that `reserve` has reserved for runs that are still being prepared. */
  reserved: number;
  /** Number of runs that have started and not ended. */
  running: number;
  /** The value of `#starts` when one of the tenant's runs last started. */
  servedAt: number;
}

export class FairQueue<T> {
  readonly #limits: QueueLimits;
  /** The tenants with a reserved place, a waiting run or a running one. */
  readonly #tenants = new Map<string, Tenant<T>>();
  #length = 0;
  #starts = 0;

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  /** The number of waiting runs and reserved places. */
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

  /** Gives back a reserved place. */
  giveBack(tenant: string): void {
    const entry = this.#tenants.get(tenant);
    if (entry === undefined) return;
    entry.reserved -= 1;
    this.#length -= 1;
    this.#deleteIfIdle(tenant, entry);
  }

  /** Removes a waiting run. Returns false if the run does not wait. */
  remove(tenant: string, item: T): boolean {
    const entry = this.#tenants.get(tenant);
    const index = entry?.waiting.findIndex((waiting) => waiting.item === item) ?? -1;
    if (entry === undefined || index < 0) return false;
    entry.waiting.splice(index, 1);
    this.#length -= 1;
    this.#deleteIfIdle(tenant, entry);
    return true;
  }

  /**
   * Removes the run that starts next from the queue, and counts it as running. Passes over runs for which `fits` is false. Returns undefined
   * if no run may start, also because a run that does not fit has been overtaken too often.
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

  /** Call this when a running run has ended. */
  ended(tenant: string): void {
    const entry = this.#tenants.get(tenant);
    if (entry === undefined) return;
    entry.running -= 1;
    this.#deleteIfIdle(tenant, entry);
  }

  #deleteIfIdle(tenant: string, { waiting, reserved, running }: Tenant<T>): void {
    if (waiting.length + reserved + running === 0) this.#tenants.delete(tenant);
  }
}

function isBefore(a: Tenant<unknown>, b: Tenant<unknown>): boolean {
  return a.running === b.running ? a.servedAt < b.servedAt : a.running < b.running;
}
