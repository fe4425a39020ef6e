/** Runs contenders in turn, round by round, so that other load on the computer affects all of them equally. */

interface Contender {
  readonly name: string;
  readonly run: () => unknown;
}

/** A contender after its warm-up, with its samples. */
export interface WarmContender extends Contender {
  /** The number of runs in one sample. */
  readonly repeats: number;
  /** The milliseconds of one run, for each round. */
  readonly times: number[];
}

const WARM_UP_MS = 150;
/** The duration that a sample should have, in milliseconds. */
const SAMPLE_MS = 30;

export function timed(body: () => void): number {
  const start = performance.now();
  body();
  return performance.now() - start;
}

/** Runs a contender for `WARM_UP_MS`, and at least twice, so that V8 can optimize it. Finds how many runs make a sample. */
export function warmUp({ name, run }: Contender): WarmContender {
  const start = performance.now();
  let last = 0;
  let runs = 0;
  while (runs < 2 || performance.now() - start < WARM_UP_MS) {
    last = timed(run);
    runs += 1;
  }
  return { name, run, times: [], repeats: Math.max(1, Math.ceil(SAMPLE_MS / Math.max(last, 0.001))) };
}

/** Takes one sample of each contender. The first contender depends on `round`, so that none is always the first. */
export function sampleAll(contenders: readonly WarmContender[], round: number): void {
  for (let i = 0; i < contenders.length; i++) {
    const contender = contenders[(i + round) % contenders.length];
    if (contender === undefined) continue;
    const { run, repeats, times } = contender;
    const sample = timed(() => {
      for (let n = 0; n < repeats; n++) run();
    });
    times.push(sample / repeats);
  }
}
