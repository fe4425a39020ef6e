/**
 * Matches regular expressions leftmost-first in linear time. This is the main file of `vm/regex/`:
 *
 *     text of the pattern ──parse.ts──► Pattern ──compile.ts──► RegexProgram ──createMatcher──► Matcher ──► occurs, eachMatch
 *
 * The algorithm is that of Frisch and Cardelli, "Greedy regular expression matching" (2004), in two passes. The first pass goes from the
 * end of the text to its start. For each position, it finds the instructions that can still reach a match. The second pass goes from start
 * to end. At each choice, it takes the first alternative that can still match, so it never backtracks. For example, with the pattern `a*b`
 * and the text "aac", the first pass finds that no position before "c" can reach a match, so the second pass tries nothing there.
 *
 * The first pass runs an automaton whose states are built on demand. If the states take too much memory, they are dropped and built again.
 */
import { EDGE, assertionHolds, MATCH, type RegexInstruction, type RegexProgram } from "./compile.ts";
import { rangesContain } from "./ranges.ts";

/** Limit on the memory of all states, in numbers and references. Above it, the automaton drops the states. */
const MAX_HELD_NUMBERS = 2 ** 19;
/** How many numbers and references a state holds, apart from its leaves. */
const STATE_SIZE = 128;
/**
 * The second pass needs the state at every position. To save memory, it processes the text in blocks, and holds only the states of one
 * block. `BLOCK_LENGTH` limits the code units of a block, `BLOCK_BUDGET` its code units times the instructions of the program.
 */
const BLOCK_LENGTH = 2 ** 16;
const BLOCK_BUDGET = 2 ** 22;
/** The maximum length of a short text, for which arrays of a fixed size are used again. */
const SHORT_LENGTH = 255;

/** A state of the automaton: what the first pass knows about a position from the text after it. */
interface State {
  /** The index of the state in `Matcher.states`. */
  readonly number: number;
  /** The leaves: the match instruction, and the set instructions that consume the code point after the position and can reach a match. */
  readonly leaves: Int32Array;
  /** The kind of the code point after the position (see `EDGE`). */
  readonly kind: number;
  /** The state of the previous position, by the class of the code point between the two positions. */
  readonly before: (State | undefined)[];
  /** The choice at the start of the program, by the kind of the code point before the position. */
  readonly starts: (Choice | undefined)[];
  /** The results of `nextChoice`, by `leaf * KINDS + kindBefore`. `lastKey` and `lastChoice` cache the last lookup. */
  readonly choices: Map<number, Choice>;
  lastKey: number;
  lastChoice: Choice;
}

/** The preferred way from one leaf, or from the start of the program, to the next leaf. */
interface Choice {
  /** The leaf that is reached; NONE if no leaf is. */
  readonly leaf: number;
  /** The slots of the `mark` instructions on the way. */
  readonly slots: readonly number[];
}

const NONE = -1;
const NO_CHOICE: Choice = { leaf: NONE, slots: [] };
const KINDS = 4;
/** How many numbers and references a choice holds, apart from its slots. */
const CHOICE_SIZE = 12;

export interface Matcher {
  readonly program: RegexProgram;
  /** The class of each ASCII character. */
  readonly asciiClasses: Uint16Array;
  /** Whether the program has assertions. */
  readonly hasAssertions: boolean;
  readonly states: State[];
  /** The state at the end of the text; undefined until it is needed. */
  end: State | undefined;
  readonly statesByHash: Map<number, State[]>;
  /** How many numbers and references all states hold. `MAX_HELD_NUMBERS` limits it. */
  heldNumbers: number;
  /** Two sets of instructions: an instruction is in a set if its number there equals `round`. So a new round empties both sets. */
  readonly leafMarks: Int32Array;
  readonly visitMarks: Int32Array;
  round: number;
  /** For each instruction that `choose` visited in this round, the instruction from which `choose` reached it. */
  readonly parents: Int32Array;
  /** Working memory for the instructions of a round. */
  readonly live: Int32Array;
  readonly leaves: Int32Array;
  /** Working memory for the numbers of the states of a short text. */
  readonly trail: Int32Array;
}

export function createMatcher(program: RegexProgram): Matcher {
  const size = program.code.length;
  return {
    program,
    asciiClasses: Uint16Array.from({ length: 128 }, (_, point) => findClass(program.classStarts, point)),
    hasAssertions: program.classKinds.some((kind) => kind !== EDGE),
    states: [],
    end: undefined,
    statesByHash: new Map(),
    heldNumbers: 0,
    leafMarks: new Int32Array(size),
    visitMarks: new Int32Array(size),
    round: 0,
    parents: new Int32Array(size),
    live: new Int32Array(size),
    leaves: new Int32Array(size),
    trail: new Int32Array(SHORT_LENGTH + 1),
  };
}

function findClass(classStarts: Int32Array, point: number): number {
  let low = 0;
  let high = classStarts.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((classStarts[middle] ?? 0) <= point) low = middle;
    else high = middle;
  }
  return low;
}

/** Begins a round, which empties both sets of instructions. */
function newRound(m: Matcher): number {
  m.round += 1;
  if (m.round === 0x7fffffff) {
    m.leafMarks.fill(0);
    m.visitMarks.fill(0);
    m.round = 1;
  }
  return m.round;
}

/** Spreads a small number over 32 bits, using the finalizer of MurmurHash3. */
function mix(value: number): number {
  let hash = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/** Returns the state whose leaves are the first `count` of `m.leaves`. Exactly these leaves must be marked in `m.leafMarks` for this round. */
function internState(m: Matcher, count: number, kind: number): State {
  const { leaves, leafMarks, round } = m;
  let hash = kind;
  // A sum does not depend on the order of the leaves.
  for (let i = 0; i < count; i++) hash = (hash + mix(leaves[i] ?? 0)) | 0;
  for (const state of m.statesByHash.get(hash) ?? [])
    if (state.kind === kind && state.leaves.length === count && state.leaves.every((leaf) => leafMarks[leaf] === round)) return state;
  m.heldNumbers += count + STATE_SIZE;
  const state: State = {
    number: m.states.length,
    leaves: leaves.slice(0, count),
    kind,
    before: [],
    starts: [undefined, undefined, undefined, undefined],
    choices: new Map(),
    lastKey: NONE,
    lastChoice: NO_CHOICE,
  };
  m.states.push(state);
  const bucket = m.statesByHash.get(hash);
  if (bucket === undefined) m.statesByHash.set(hash, [state]);
  else bucket.push(state);
  return state;
}

/** Drops all states if they exceed `MAX_HELD_NUMBERS`. The caller must not use any state that it got earlier. */
export function forgetStates(m: Matcher): void {
  if (m.heldNumbers <= MAX_HELD_NUMBERS) return;
  m.states.length = 0;
  m.end = undefined;
  m.statesByHash.clear();
  m.heldNumbers = 0;
}

/** Returns the state with these leaves. Builds the state again if it was dropped. */
function restoreState(m: Matcher, leaves: Int32Array, kind: number): State {
  const round = newRound(m);
  for (const leaf of leaves) m.leafMarks[leaf] = round;
  m.leaves.set(leaves);
  return internState(m, leaves.length, kind);
}

/** Returns the state at the end of the text. */
function endState(m: Matcher): State {
  m.end ??= restoreState(m, Int32Array.of(MATCH), EDGE);
  return m.end;
}

/** Returns whether a set instruction consumes the code point, which must be between its lowest and its highest code point. */
function consumes(instruction: RegexInstruction | undefined, point: number): boolean {
  if (instruction?.op !== "set") return false;
  return instruction.ranges.length === 2 || rangesContain(instruction.ranges, point);
}

/** Returns the state before a code point of the class, if `state` is the state after the code point. */
function stateBefore(m: Matcher, state: State, classIndex: number): State {
  return state.before[classIndex] ?? makeStateBefore(m, state, classIndex);
}

function makeStateBefore(m: Matcher, state: State, classIndex: number): State {
  const { code, sources, sourceStarts, classStarts, classKinds, lowest, highest } = m.program;
  const { live, leaves, leafMarks, visitMarks } = m;
  const kind = classKinds[classIndex] ?? EDGE;
  const point = classStarts[classIndex] ?? 0;
  const round = newRound(m);
  leaves[0] = MATCH;
  leafMarks[MATCH] = round;
  let leafCount = 1;
  // `live` holds the instructions that reach a leaf of `state` without consuming a code point.
  let liveCount = state.leaves.length;
  live.set(state.leaves);
  for (let i = 0; i < liveCount; i++) {
    const target = live[i] ?? 0;
    const end = sourceStarts[target + 1] ?? 0;
    for (let sourceIndex = sourceStarts[target] ?? 0; sourceIndex < end; sourceIndex++) {
      const source = sources[sourceIndex] ?? 0;
      if (point >= (lowest[source] ?? 1) && point <= (highest[source] ?? 0)) {
        if (!consumes(code[source], point)) continue;
        leafMarks[source] = round;
        leaves[leafCount++] = source;
      } else if (visitMarks[source] !== round && passes(code[source], kind, state.kind)) {
        visitMarks[source] = round;
        live[liveCount++] = source;
      }
    }
  }
  const before = internState(m, leafCount, kind);
  // V8 grows the array up to this index.
  m.heldNumbers += Math.max(1, classIndex + 1 - state.before.length);
  state.before[classIndex] = before;
  return before;
}

/** Returns whether the instruction, between code points of these kinds, continues without consuming a code point. */
function passes(instruction: RegexInstruction | undefined, kindBefore: number, kindAfter: number): boolean {
  if (instruction === undefined || instruction.op === "set" || instruction.op === "match") return false;
  return instruction.op !== "assert" || assertionHolds(instruction.test, kindBefore, kindAfter);
}

/** Chooses the first leaf of the state that is reached from an instruction, in order of preference. */
function choose(m: Matcher, state: State, from: number, kindBefore: number): Choice {
  const { code } = m.program;
  const round = newRound(m);
  for (const leaf of state.leaves) m.leafMarks[leaf] = round;
  // Pairs of an instruction and the instruction from which it was reached.
  const stack = [from, from];
  for (let i = stack.pop(), parent = stack.pop(); i !== undefined && parent !== undefined; i = stack.pop(), parent = stack.pop()) {
    if (m.visitMarks[i] === round) continue;
    m.visitMarks[i] = round;
    m.parents[i] = parent;
    if (m.leafMarks[i] === round) return { leaf: i, slots: slotsOnTheWay(m, i, from) };
    const instruction = code[i];
    if (!passes(instruction, kindBefore, state.kind)) continue;
    if (instruction?.op === "split") stack.push(i, instruction.second, i, instruction.first);
    else if (instruction !== undefined && instruction.op !== "match") stack.push(i, instruction.next);
  }
  return NO_CHOICE;
}

/** Returns the slots of the `mark` instructions on the way from an instruction to a leaf that `choose` has just found. */
function slotsOnTheWay(m: Matcher, leaf: number, from: number): readonly number[] {
  const slots: number[] = [];
  for (let i = leaf; ; i = m.parents[i] ?? from) {
    const instruction = m.program.code[i];
    if (instruction?.op === "mark") slots.push(instruction.slot);
    if (i === from) return slots.length === 0 ? NO_CHOICE.slots : slots;
  }
}

/** Counts a new choice in `m.heldNumbers`. Returns whether a state may hold it. */
function fitsMemory(m: Matcher, { slots }: Choice): boolean {
  m.heldNumbers += CHOICE_SIZE + slots.length;
  return m.heldNumbers <= MAX_HELD_NUMBERS;
}

/** Returns the choice for a match that begins at the position. */
function startChoice(m: Matcher, state: State, kindBefore: number): Choice {
  const cachedChoice = state.starts[kindBefore];
  if (cachedChoice !== undefined) return cachedChoice;
  const choice = choose(m, state, m.program.start, kindBefore);
  if (fitsMemory(m, choice)) state.starts[kindBefore] = choice;
  return choice;
}

/** Returns the choice after `leaf`, which consumed the code point before the position. */
function nextChoice(m: Matcher, state: State, leaf: number, kindBefore: number): Choice {
  const key = leaf * KINDS + kindBefore;
  if (state.lastKey === key) return state.lastChoice;
  const instruction = m.program.code[leaf];
  if (instruction?.op !== "set") return NO_CHOICE;
  let choice = state.choices.get(key);
  if (choice === undefined) {
    choice = choose(m, state, instruction.next, kindBefore);
    if (fitsMemory(m, choice)) state.choices.set(key, choice);
  }
  state.lastKey = key;
  state.lastChoice = choice;
  return choice;
}

const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;
const isLowSurrogate = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff;

/** Returns the class of the code point that ends at index `end`. */
function classBefore(m: Matcher, text: string, end: number): number {
  const unit = text.charCodeAt(end - 1);
  if (unit < 128) return m.asciiClasses[unit] ?? 0;
  return findClass(m.program.classStarts, isLowSurrogate(unit) ? (text.codePointAt(end - 2) ?? 0) : unit);
}

const startOfPoint = (text: string, end: number): number => (isLowSurrogate(text.charCodeAt(end - 1)) ? end - 2 : end - 1);

/** Drops all states if they exceed `MAX_HELD_NUMBERS`. Returns the state, which is built again if it was dropped. */
function renewState(m: Matcher, state: State): State {
  if (m.heldNumbers <= MAX_HELD_NUMBERS) return state;
  forgetStates(m);
  return restoreState(m, state.leaves, state.kind);
}

/** Returns whether the pattern occurs in the text, which must be well formed. */
export function occurs(m: Matcher, text: string): boolean {
  const { classKinds } = m.program;
  let state = endState(m);
  let position = text.length;
  while (position > 0) {
    const classIndex = classBefore(m, text, position);
    if (startChoice(m, state, classKinds[classIndex] ?? EDGE).leaf >= 0) return true;
    state = renewState(m, stateBefore(m, state, classIndex));
    position = startOfPoint(text, position);
  }
  return startChoice(m, state, EDGE).leaf >= 0;
}

/** The position at the end of a block, the number of its state, and the data for building that state again. */
interface BlockEnd {
  readonly position: number;
  /** The index of the state in `Matcher.states`. The other fields are for building the state again. */
  readonly number: number;
  readonly leaves: Int32Array;
  readonly kind: number;
}

const blockEndOf = (position: number, { number, leaves, kind }: State): BlockEnd => ({ position, number, leaves, kind });

/** Returns the state at the end of a block. Builds the state again if it was dropped. */
function stateAt(m: Matcher, { number, leaves, kind }: BlockEnd): State {
  const state = m.states[number];
  return state?.leaves === leaves ? state : restoreState(m, leaves, kind);
}

/** Returns the ends of the blocks, starting with the last block. A block has at most `length` + 1 code units. */
function blockEndsOf(m: Matcher, text: string, length: number): BlockEnd[] {
  let state = endState(m);
  let position = text.length;
  const ends: BlockEnd[] = [blockEndOf(position, state)];
  let nextEnd = position - length;
  while (nextEnd > 0) {
    state = renewState(m, stateBefore(m, state, classBefore(m, text, position)));
    position = startOfPoint(text, position);
    if (position > nextEnd) continue;
    ends.push(blockEndOf(position, state));
    nextEnd = position - length;
  }
  return ends;
}

/** The progress of the second pass. */
interface Walk {
  readonly onMatch: (start: number, end: number) => boolean;
  /** Receives the positions of the groups, see `eachMatch`. */
  readonly slots: Int32Array | undefined;
  position: number;
  /** The kind of the code point before the position (see `EDGE`). */
  kindBefore: number;
  /** Inside a match, the leaf that consumes the next code point. Outside a match, NONE. */
  leaf: number;
  /** The start of the current match. */
  start: number;
  /** The end of the last match; NONE before the first. */
  lastEnd: number;
  /** Whether `onMatch` has returned false. */
  stopped: boolean;
}

/**
 * Calls `onMatch` with the start and end of each match in the well-formed text, in code units, from left to right, until `onMatch` returns
 * false. As in RE2, an empty match directly after another match does not count. During the call, `slots` holds the positions of the
 * groups. If a group did not take part in this match, its slots keep their old values.
 */
export function eachMatch(m: Matcher, text: string, onMatch: (start: number, end: number) => boolean, slots?: Int32Array): void {
  // Each block and each position in one block needs memory, so the block length is at least the square root of the text's length.
  const length = Math.max(Math.ceil(Math.sqrt(text.length)), Math.min(BLOCK_LENGTH, Math.ceil(BLOCK_BUDGET / m.program.code.length)));
  const trail = text.length <= SHORT_LENGTH ? m.trail : new Int32Array(Math.min(length, text.length) + 1);
  const walk: Walk = { onMatch, slots, position: 0, kindBefore: EDGE, leaf: NONE, start: 0, lastEnd: NONE, stopped: false };
  for (const blockEnd of blockEndsOf(m, text, length).reverse()) {
    if (walk.stopped) return;
    forgetStates(m);
    let state = stateAt(m, blockEnd);
    for (let position = blockEnd.position; position > walk.position; ) {
      state = stateBefore(m, state, classBefore(m, text, position));
      position = startOfPoint(text, position);
      trail[position - walk.position] = state.number;
    }
    walkBlock(m, text, walk, trail, blockEnd.position);
  }
  if (!walk.stopped) walkPosition(m, walk, endState(m));
}

/** Runs the second pass through one block, which begins at `walk.position`. `trail` holds the numbers of the block's states. */
function walkBlock(m: Matcher, text: string, walk: Walk, trail: Int32Array, end: number): void {
  const { classKinds } = m.program;
  const from = walk.position;
  while (walk.position < end && !walk.stopped) {
    const state = m.states[trail[walk.position - from] ?? NONE];
    if (state !== undefined) walkPosition(m, walk, state);
    walk.position += isHighSurrogate(text.charCodeAt(walk.position)) ? 2 : 1;
    if (m.hasAssertions) walk.kindBefore = classKinds[classBefore(m, text, walk.position)] ?? EDGE;
  }
}

/** Ends, continues or begins a match at `walk.position`. */
function walkPosition(m: Matcher, walk: Walk, state: State): void {
  const { position, kindBefore } = walk;
  if (walk.leaf !== NONE) {
    const choice = nextChoice(m, state, walk.leaf, kindBefore);
    walk.leaf = choice.leaf;
    fillSlots(walk, choice);
    if (walk.leaf !== MATCH) return;
    walk.leaf = NONE;
    walk.lastEnd = position;
    walk.stopped = !walk.onMatch(walk.start, position);
    if (walk.stopped) return;
  }
  const choice = startChoice(m, state, kindBefore);
  const { leaf } = choice;
  if (leaf === NONE || (leaf === MATCH && position === walk.lastEnd)) return;
  fillSlots(walk, choice);
  if (leaf === MATCH) walk.stopped = !walk.onMatch(position, position);
  else {
    walk.leaf = leaf;
    walk.start = position;
  }
}

/** Stores the position for all `mark` instructions on the way to the next leaf. */
function fillSlots({ slots, position }: Walk, choice: Choice): void {
  if (slots === undefined) return;
  for (const slot of choice.slots) slots[slot] = position;
}
