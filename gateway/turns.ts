/**
 * All runs of a process share its event loop: together they have the thread for one turn, then the loop goes around once,
 * so that timers, sockets and signals are served, and the run that has waited longest goes on.
 */

/** Milliseconds of a turn. A run looks at its clock so often that a turn is seldom much longer (ADR 021). */
const TURN_MS = 15;

/** Milliseconds that runs have had since the loop went around. */
let spentMs = 0;
const waiting: (() => void)[] = [];
/** The next turn begins when the loop has gone around. */
let isComing = false;

/** A run has had the thread for so many milliseconds. */
export function spend(ms: number): void {
  spentMs += ms;
}

/** Undefined while this turn lasts; else a promise of the caller's next one, at whose start `begun` is called. */
export function nextTurn(begun: () => void): Promise<undefined> | undefined {
  if (spentMs < TURN_MS) return undefined;
  return new Promise((resolve) => {
    waiting.push(() => {
      begun();
      resolve(undefined);
    });
    announceTurn();
  });
}

/** The run that had the thread is done or waits for something else: the rest of its turn goes to the next. */
export function passTurn(): void {
  if (spentMs < TURN_MS) waiting.shift()?.();
}

/** An immediate of an immediate comes after timers and sockets; messages of a `MessageChannel` may come before them. */
function announceTurn(): void {
  if (isComing || waiting.length === 0) return;
  isComing = true;
  setImmediate(() => {
    isComing = false;
    spentMs = 0;
    waiting.shift()?.();
    announceTurn();
  });
}
