/**
 * Makes the script of a failing run shorter and simpler while the run still fails in the same way. A script (`choices.ts`) has lists of whole
 * numbers: the choices of the run's plan and arguments, then those for the answer of each call.
 */
import type { Script } from "./choices.ts";

/** Maximum number of runs that are made to find a simpler one. */
const MAX_TRIES = 3_000;
/** Limit on the steps of all tries together, which bounds the time if the runs are long. A call counts as `STEPS_OF_CALL` steps. */
const MAX_WORK = 100_000_000;
const STEPS_OF_CALL = 100;

/** A run that was tried, with the script of its choices. */
export interface Candidate {
  /** Whether the run fails in the same way as the first one. */
  readonly isSame: boolean;
  /** The steps of the run. */
  readonly steps: number;
  /** The choices that the run really made, without zeros at the ends. It may be shorter than the script that was tried. */
  readonly script: Script;
  /** The number of calls of the run. */
  readonly calls: number;
}

/** Returns the simplest run that it finds, starting from `first`. `tryScript` runs a script. Stops when `isCanceled` returns true. */
export async function shrink(
  first: Candidate,
  tryScript: (script: Script) => Promise<Candidate>,
  isCanceled: () => boolean,
): Promise<Candidate> {
  let best = first;
  let tries = 0;
  let work = 0;
  // A script that was tried is never simpler than the best one, so each is tried once.
  const tried = new Set([JSON.stringify(first.script)]);
  const tryOne = async (script: Script): Promise<boolean> => {
    const text = JSON.stringify(script);
    if (tried.has(text)) return false;
    if (tries >= MAX_TRIES || work >= MAX_WORK || isCanceled()) return false;
    tried.add(text);
    tries += 1;
    const candidate = await tryScript(script);
    work += candidate.steps + STEPS_OF_CALL * candidate.calls;
    if (!candidate.isSame || !isSimpler(candidate, best)) return false;
    best = candidate;
    return true;
  };
  for (let improved = true; improved; ) {
    const before = best;
    await dropAnswers(() => best.script, tryOne);
    await simplifyAnswers(() => best.script, tryOne);
    improved = best !== before;
  }
  return best;
}

/** Whether `a` is simpler than `b`. The first of their `measures` that differs decides. */
function isSimpler(a: Candidate, b: Candidate): boolean {
  const [left, right] = [measures(a), measures(b)];
  const index = left.findIndex((measure, i) => measure !== right[i]);
  return index >= 0 && (left[index] ?? 0) < (right[index] ?? 0);
}

/** Returns five measures: calls, answers with choices (an empty list makes the simplest answer), choices above 0, the sum of all choices, and their number. */
function measures({ script, calls }: Candidate): readonly number[] {
  const all = script.flat();
  return [
    calls,
    script.slice(1).filter((answer) => answer.length > 0).length,
    all.filter((choice) => choice > 0).length,
    all.reduce((sum, choice) => sum + choice, 0),
    all.length,
  ];
}

type TryOne = (script: Script) => Promise<boolean>;

/**
 * Tries to remove groups of answers, large groups first; the answers after a group then go to earlier calls. Also tries to replace each answer
 * by the simplest one.
 */
async function dropAnswers(current: () => Script, tryOne: TryOne): Promise<void> {
  for (let size = 2 ** Math.floor(Math.log2(Math.max(1, current().length))); size >= 1; size = Math.floor(size / 2)) {
    for (let at = current().length - size; at >= 1; at -= 1) {
      const script = current();
      if (await tryOne(script.toSpliced(at, size))) continue;
      if (at < script.length) await tryOne(script.with(at, []));
    }
  }
  await tryOne([[], ...current().slice(1)]);
}

/** Tries to remove choices, to make several 0, and to make each as small as possible. */
async function simplifyAnswers(current: () => Script, tryOne: TryOne): Promise<void> {
  for (let at = 0; at < current().length; at += 1) {
    const answer = (): readonly number[] => current()[at] ?? [];
    const withAnswer = (choices: readonly number[]): Script => current().with(at, choices);
    for (let size = 8; size >= 1; size = Math.floor(size / 2)) {
      for (let i = answer().length - size; i >= 0 && at < current().length; i -= 1) {
        if (
          answer()
            .slice(i, i + size)
            .every((choice) => choice === 0)
        )
          continue;
        if (await tryOne(withAnswer(answer().toSpliced(i, size)))) continue;
        if (at < current().length) await tryOne(withAnswer(answer().map((choice, j) => (j >= i && j < i + size ? 0 : choice))));
      }
    }
    for (let i = 0; i < answer().length; i += 1) {
      for (let choice = answer()[i] ?? 0; choice > 0 && at < current().length; ) {
        const smaller = [Math.floor(choice / 2), choice - 1].filter((n, j, all) => n > 0 && all.indexOf(n) === j);
        let found = false;
        for (const n of smaller) found ||= i < answer().length && (await tryOne(withAnswer(answer().with(i, n))));
        choice = found ? (answer()[i] ?? 0) : 0;
      }
    }
  }
}
