/**
 * Leftmost-first regular expression matching in linear time. This is the main file of `vm/regex/`:
 *
 *     text of the pattern ──parse.ts──► Pattern ──compile.ts──► RegexProgram ──createMatcher──► Matcher ──► occurs, eachMatch
 *
 * The algorithm is that of Frisch and Cardelli, "Greedy regular expression matching" (2004), in two passes. The first goes from the end
 * of the text to its start and finds, for each position, the instructions from which a match can still be reached. The second goes from
 * start to end and takes, at each choice, the first alternative that can still match; it never backtracks. For example `a*b` on "aac":
 * the first pass finds that no position before "c" can reach a match, so the second tries nothing there.
 *
 * The first pass runs an automaton whose states are built on demand. When they take too much memory, they are dropped and built again.
 */
import { EDGE, holds, MATCH, type RegexInstruction, type RegexProgram } from "./compile.ts";
import { contains } from "./ranges.ts";

/** Numbers and references in all states beyond which the automaton drops them. */
const STATE_BUDGET = 2 ** 19;
/** Numbers and references in a state, besides its leaves. */
const STATE_SIZE = 128;
/** The text is processed in blocks. The most code units of a block, and the most code units times the size of the program. */
const BLOCK_LENGTH = 2 ** 16;
const BLOCK_BUDGET = 2 ** 22;

/** A state of the automaton: all that the first pass knows of a position before it reads the code point in front of it. */
interface State {
  /** Its index in `Matcher.states`. */
  readonly number: number;
  /** The match instruction, and the set instructions that consume the code point after the position and then reach a match. */
  readonly leaves: Int32Array;
  /** The kind of the code point after the position. */
  readonly kind: number;
  /** The state of the previous position, by the class of the code point between. */
  readonly before: (State | undefined)[];
  /** The leaf reached from the start of the program, by the kind of the code point before the position; UNKNOWN until computed. */
  readonly starts: Int32Array;
  /** The leaf reached after a leaf, by leaf × 4 + kind. `lastKey` and `lastChoice` cache the last lookup. */
  readonly choices: Map<number, number>;
  lastKey: number;
  lastChoice: number;
}

const NONE = -1;
const UNKNOWN = -2;
const KINDS = 4;

export interface Matcher {
  readonly program: RegexProgram;
  /** The class of each ASCII character. */
  readonly asciiClasses: Uint16Array;
  /** Whether the program has assertions. */
  readonly hasKinds: boolean;
  readonly states: State[];
  readonly statesByHash: Map<number, State[]>;
  /** Numbers and references in all states; bounded by `STATE_BUDGET`. */
  held: number;
  /** Sets of instructions. An instruction is in the set when its entry equals `round`, so a new round empties both sets. */
  readonly leafMarks: Int32Array;
  readonly visitMarks: Int32Array;
  round: number;
  /** For each instruction that `choose` visited in this round, the instruction from which it was reached. */
  readonly parents: Int32Array;
  /** Working memory for the instructions of a round. */
  readonly live: Int32Array;
  readonly leaves: Int32Array;
}

export function createMatcher(program: RegexProgram): Matcher {
  const size = program.code.length;
  return {
    program,
    asciiClasses: Uint16Array.from({ length: 128 }, (_, point) => findClass(program.classStarts, point)),
    hasKinds: program.classKinds.some((kind) => kind !== EDGE),
    states: [],
    statesByHash: new Map(),
    held: 0,
    leafMarks: new Int32Array(size),
    visitMarks: new Int32Array(size),
    round: 0,
    parents: new Int32Array(size),
    live: new Int32Array(size),
    leaves: new Int32Array(size),
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

function newRound(m: Matcher): number {
  m.round += 1;
  if (m.round === 0x7fffffff) {
    m.leafMarks.fill(0);
    m.visitMarks.fill(0);
    m.round = 1;
  }
  return m.round;
}

/** Spreads a small number over 32 bits (the finalizer of MurmurHash3). */
function mix(value: number): number {
  let hash = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/** Returns the state with the first `count` of `m.leaves`. In `m.leafMarks`, exactly these are marked for this round. */
function intern(m: Matcher, count: number, kind: number): State {
  const { leaves, leafMarks, round } = m;
  let hash = kind;
  // A sum does not depend on the order of the leaves.
  for (let i = 0; i < count; i++) hash = (hash + mix(leaves[i] ?? 0)) | 0;
  for (const state of m.statesByHash.get(hash) ?? [])
    if (state.kind === kind && state.leaves.length === count && state.leaves.every((leaf) => leafMarks[leaf] === round)) return state;
  m.held += count + STATE_SIZE;
  const state: State = {
    number: m.states.length,
    leaves: leaves.slice(0, count),
    kind,
    before: [],
    starts: new Int32Array(KINDS).fill(UNKNOWN),
    choices: new Map(),
    lastKey: NONE,
    lastChoice: NONE,
  };
  m.states.push(state);
  const bucket = m.statesByHash.get(hash);
  if (bucket === undefined) m.statesByHash.set(hash, [state]);
  else bucket.push(state);
  return state;
}

/** Drops all states when they exceed the budget. The caller must not use states from before. */
export function forgetStates(m: Matcher): void {
  if (m.held <= STATE_BUDGET) return;
  m.states.length = 0;
  m.statesByHash.clear();
  m.held = 0;
}

/** Returns the state with these leaves, building it when it was dropped. */
function restore(m: Matcher, leaves: Int32Array, kind: number): State {
  const round = newRound(m);
  for (const leaf of leaves) m.leafMarks[leaf] = round;
  m.leaves.set(leaves);
  return intern(m, leaves.length, kind);
}

/** The state at the end of the text. */
const endState = (m: Matcher): State => restore(m, Int32Array.of(MATCH), EDGE);

/** Whether a set instruction consumes the code point, which is between its lowest and its highest. */
function takes(instruction: RegexInstruction | undefined, point: number): boolean {
  if (instruction?.op !== "set") return false;
  return instruction.ranges.length === 2 || contains(instruction.ranges, point);
}

/** The state before a code point of the class, when `state` is the one after it. */
function stateBefore(m: Matcher, state: State, classIndex: number): State {
  return state.before[classIndex] ?? makeBefore(m, state, classIndex);
}

function makeBefore(m: Matcher, state: State, classIndex: number): State {
  const { code, sources, sourceStarts, classStarts, classKinds, lowest, highest } = m.program;
  const { live, leaves, leafMarks, visitMarks } = m;
  const kind = classKinds[classIndex] ?? EDGE;
  const point = classStarts[classIndex] ?? 0;
  const round = newRound(m);
  leaves[0] = MATCH;
  leafMarks[MATCH] = round;
  let leafCount = 1;
  // `live`: the instructions that reach a leaf of `state` without consuming a code point.
  let liveCount = state.leaves.length;
  live.set(state.leaves);
  for (let i = 0; i < liveCount; i++) {
    const target = live[i] ?? 0;
    const end = sourceStarts[target + 1] ?? 0;
    for (let at = sourceStarts[target] ?? 0; at < end; at++) {
      const source = sources[at] ?? 0;
      if (point >= (lowest[source] ?? 1) && point <= (highest[source] ?? 0)) {
        if (!takes(code[source], point)) continue;
        leafMarks[source] = round;
        leaves[leafCount++] = source;
      } else if (visitMarks[source] !== round && passes(code[source], kind, state.kind)) {
        visitMarks[source] = round;
        live[liveCount++] = source;
      }
    }
  }
  const before = intern(m, leafCount, kind);
  // V8 grows the array up to this index.
  m.held += Math.max(1, classIndex + 1 - state.before.length);
  state.before[classIndex] = before;
  return before;
}

/** Whether the instruction continues without consuming a code point, between code points of these kinds. */
function passes(instruction: RegexInstruction | undefined, kindBefore: number, kindAfter: number): boolean {
  if (instruction === undefined || instruction.op === "set" || instruction.op === "match") return false;
  return instruction.op !== "assert" || holds(instruction.test, kindBefore, kindAfter);
}

/** The first leaf of the state that is reached from an instruction, in the order of preference; NONE if there is none. */
function choose(m: Matcher, state: State, from: number, kindBefore: number): number {
  const { code } = m.program;
  const round = newRound(m);
  for (const leaf of state.leaves) m.leafMarks[leaf] = round;
  // Pairs of an instruction and the one from which it was reached.
  const stack = [from, from];
  for (let at = stack.pop(), parent = stack.pop(); at !== undefined && parent !== undefined; at = stack.pop(), parent = stack.pop()) {
    if (m.visitMarks[at] === round) continue;
    m.visitMarks[at] = round;
    m.parents[at] = parent;
    if (m.leafMarks[at] === round) return at;
    const instruction = code[at];
    if (!passes(instruction, kindBefore, state.kind)) continue;
    if (instruction?.op === "split") stack.push(at, instruction.second, at, instruction.first);
    else if (instruction !== undefined && instruction.op !== "match") stack.push(at, instruction.next);
  }
  return NONE;
}

function startLeaf(m: Matcher, state: State, kindBefore: number): number {
  const known = state.starts[kindBefore] ?? UNKNOWN;
  if (known !== UNKNOWN) return known;
  const leaf = choose(m, state, m.program.start, kindBefore);
  state.starts[kindBefore] = leaf;
  return leaf;
}

/** The leaf after `leaf`, which consumed the code point before the position. */
function nextLeaf(m: Matcher, state: State, leaf: number, kindBefore: number): number {
  const key = leaf * KINDS + kindBefore;
  if (state.lastKey === key) return state.lastChoice;
  const instruction = m.program.code[leaf];
  if (instruction?.op !== "set") return NONE;
  const next = state.choices.get(key) ?? choose(m, state, instruction.next, kindBefore);
  m.held += 4;
  state.choices.set(key, next);
  state.lastKey = key;
  state.lastChoice = next;
  return next;
}

const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;
const isLowSurrogate = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff;

/** The class of the code point that ends before `end`. */
function classBefore(m: Matcher, text: string, end: number): number {
  const unit = text.charCodeAt(end - 1);
  if (unit < 128) return m.asciiClasses[unit] ?? 0;
  return findClass(m.program.classStarts, isLowSurrogate(unit) ? (text.codePointAt(end - 2) ?? 0) : unit);
}

const startOfPoint = (text: string, end: number): number => (isLowSurrogate(text.charCodeAt(end - 1)) ? end - 2 : end - 1);

/** Drops the other states when they exceed the budget. Returns the state, or the same state built again. */
function renewed(m: Matcher, state: State): State {
  if (m.held <= STATE_BUDGET) return state;
  forgetStates(m);
  return restore(m, state.leaves, state.kind);
}

/** Whether the pattern occurs in the text, which is well-formed. */
export function occurs(m: Matcher, text: string): boolean {
  const { classKinds } = m.program;
  let state = endState(m);
  let at = text.length;
  while (at > 0) {
    const classIndex = classBefore(m, text, at);
    if (startLeaf(m, state, classKinds[classIndex] ?? EDGE) >= 0) return true;
    state = renewed(m, stateBefore(m, state, classIndex));
    at = startOfPoint(text, at);
  }
  return startLeaf(m, state, EDGE) >= 0;
}

/** A position at the end of a block, with what is needed to build its state again. */
interface Border {
  readonly at: number;
  readonly leaves: Int32Array;
  readonly kind: number;
}

/** The ends of the blocks, last block first. A block has at most `length` + 1 code units. */
function bordersOf(m: Matcher, text: string, length: number): Border[] {
  let state = endState(m);
  let at = text.length;
  const borders: Border[] = [{ at, leaves: state.leaves, kind: state.kind }];
  let border = at - length;
  while (border > 0) {
    state = renewed(m, stateBefore(m, state, classBefore(m, text, at)));
    at = startOfPoint(text, at);
    if (at > border) continue;
    borders.push({ at, leaves: state.leaves, kind: state.kind });
    border = at - length;
  }
  return borders;
}

/** The progress of the second pass. */
interface Walk {
  readonly found: (start: number, end: number) => boolean;
  readonly slots: Int32Array | undefined;
  at: number;
  kindBefore: number;
  /** Inside a match: the leaf that consumes the next code point. NONE outside. */
  leaf: number;
  /** The start of the match. */
  start: number;
  lastEnd: number;
  stopped: boolean;
}

/**
 * Calls `found` with the start and end of each match in the well-formed text, in code units, from left to right, until it returns false.
 * As in RE2, an empty match directly after another match does not count. While `found` runs, `slots` has the positions of the groups;
 * those of a group that did not take part in this match are unchanged.
 */
export function eachMatch(m: Matcher, text: string, found: (start: number, end: number) => boolean, slots?: Int32Array): void {
  // At least the square root of the text's length, since memory is needed for each block and for each state of one block.
  const length = Math.max(Math.ceil(Math.sqrt(text.length)), Math.min(BLOCK_LENGTH, Math.ceil(BLOCK_BUDGET / m.program.code.length)));
  const trail = new Int32Array(Math.min(length, text.length) + 1);
  const walk: Walk = { found, slots, at: 0, kindBefore: EDGE, leaf: NONE, start: 0, lastEnd: NONE, stopped: false };
  for (const border of bordersOf(m, text, length).reverse()) {
    if (walk.stopped) return;
    forgetStates(m);
    let state = restore(m, border.leaves, border.kind);
    for (let at = border.at; at > walk.at; ) {
      state = stateBefore(m, state, classBefore(m, text, at));
      at = startOfPoint(text, at);
      trail[at - walk.at] = state.number;
    }
    follow(m, text, walk, trail, border.at);
  }
  if (!walk.stopped) step(m, walk, endState(m));
}

/** The second pass through one block, which begins at the position of the walk. `trail` has the numbers of the block's states. */
function follow(m: Matcher, text: string, walk: Walk, trail: Int32Array, end: number): void {
  const { classKinds } = m.program;
  const from = walk.at;
  while (walk.at < end && !walk.stopped) {
    const state = m.states[trail[walk.at - from] ?? NONE];
    if (state !== undefined) step(m, walk, state);
    walk.at += isHighSurrogate(text.charCodeAt(walk.at)) ? 2 : 1;
    if (m.hasKinds) walk.kindBefore = classKinds[classBefore(m, text, walk.at)] ?? EDGE;
  }
}

/** Ends, continues or begins a match at the position of the walk. */
function step(m: Matcher, walk: Walk, state: State): void {
  const { at, kindBefore } = walk;
  if (walk.leaf !== NONE) {
    const last = walk.leaf;
    walk.leaf = nextLeaf(m, state, last, kindBefore);
    fillSlots(m, walk, state, last);
    if (walk.leaf !== MATCH) return;
    walk.leaf = NONE;
    walk.lastEnd = at;
    walk.stopped = !walk.found(walk.start, at);
    if (walk.stopped) return;
  }
  const leaf = startLeaf(m, state, kindBefore);
  if (leaf === NONE || (leaf === MATCH && at === walk.lastEnd)) return;
  fillSlots(m, walk, state, NONE);
  if (leaf === MATCH) walk.stopped = !walk.found(at, at);
  else {
    walk.leaf = leaf;
    walk.start = at;
  }
}

/** Stores the position for all `mark` instructions between a leaf (or the start, for NONE) and the next leaf. */
function fillSlots(m: Matcher, walk: Walk, state: State, leaf: number): void {
  if (walk.slots === undefined) return;
  const { code, start } = m.program;
  const last = code[leaf];
  const from = last?.op === "set" ? last.next : start;
  for (let at = choose(m, state, from, walk.kindBefore); ; at = m.parents[at] ?? from) {
    const instruction = code[at];
    if (instruction?.op === "mark") walk.slots[instruction.slot] = walk.at;
    if (at === from) return;
  }
}
