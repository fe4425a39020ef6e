/**
 * Leftmost-first matching in time linear in the text, for one match and for all of them. After Frisch and Cardelli,
 * "Greedy regular expression matching" (2004): a pass from the end of the text finds, for each position, the instructions
 * from which a match can still be reached; a walk from the start then takes the first choice that can, and never has to go back.
 *
 * The pass runs an automaton whose states are made when they are first met, and are forgotten when they grow too many.
 */
import { EDGE, holds, MATCH, type RegexInstruction, type RegexProgram } from "./compile.ts";
import { contains } from "./ranges.ts";

/** What the automaton may hold before it forgets its states. */
const STATE_BUDGET = 2 ** 19;
/** What a state is counted as, besides its leaves. */
const STATE_SIZE = 128;
/** Most code units of a block, whose states are held at once, and most of them times the program's size. */
const BLOCK_LENGTH = 2 ** 16;
const BLOCK_BUDGET = 2 ** 22;

/** What is known of a position without looking at the code point before it. */
interface State {
  /** Its index in `Matcher.states`. */
  readonly number: number;
  /** The set instructions that take the code point after the position and then reach a match, and the match instruction. */
  readonly leaves: Int32Array;
  /** Kind of the code point after the position. */
  readonly kind: number;
  /** The state of the position before, by the class of the code point between. */
  readonly before: (State | undefined)[];
  /** The leaf that the program's start leads to, by the kind of the code point before the position; UNKNOWN until asked. */
  readonly starts: Int32Array;
  /** The leaf that follows a leaf, by leaf × 4 + kind, and the one asked for last. */
  readonly choices: Map<number, number>;
  lastKey: number;
  lastChoice: number;
}

const NONE = -1;
const UNKNOWN = -2;
const KINDS = 4;

export interface Matcher {
  readonly program: RegexProgram;
  /** Classes of the ASCII characters. */
  readonly asciiClasses: Uint16Array;
  /** Whether an assertion looks at neighbours. */
  readonly hasKinds: boolean;
  readonly states: State[];
  readonly statesByHash: Map<number, State[]>;
  /** Numbers and references in the states, against `STATE_BUDGET`. */
  held: number;
  /** Marks on instructions: one is set while it is equal to `round`. */
  readonly leafMarks: Int32Array;
  readonly visitMarks: Int32Array;
  round: number;
  /** The instruction from which each one visited in the round of `choose` was reached. */
  readonly parents: Int32Array;
  /** Room for the instructions met in a round. */
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

/** The state with the first `count` of `m.leaves`, which carry the marks of this round and no other instruction does. */
function intern(m: Matcher, count: number, kind: number): State {
  const { leaves, leafMarks, round } = m;
  let hash = kind;
  // A sum, since the same leaves come in different orders.
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

/** Forgets all states where they have grown too many; one from before is not to be used after. */
export function forgetStates(m: Matcher): void {
  if (m.held <= STATE_BUDGET) return;
  m.states.length = 0;
  m.statesByHash.clear();
  m.held = 0;
}

/** The state with these leaves, wherever they come from. */
function restore(m: Matcher, leaves: Int32Array, kind: number): State {
  const round = newRound(m);
  for (const leaf of leaves) m.leafMarks[leaf] = round;
  m.leaves.set(leaves);
  return intern(m, leaves.length, kind);
}

/** At the end of every text. */
const endState = (m: Matcher): State => restore(m, Int32Array.of(MATCH), EDGE);

/** Whether a set instruction takes the code point, which is between its lowest and its highest. */
function takes(instruction: RegexInstruction | undefined, point: number): boolean {
  if (instruction?.op !== "set") return false;
  return instruction.ranges.length === 2 || contains(instruction.ranges, point);
}

/** The state before a code point of the class, where `state` stands after it. */
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
  // Instructions from which a leaf is reached at the position after the code point.
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
  // The host fills up to the place.
  m.held += Math.max(1, classIndex + 1 - state.before.length);
  state.before[classIndex] = before;
  return before;
}

/** Whether the instruction goes on without a code point, between neighbours of these kinds. */
function passes(instruction: RegexInstruction | undefined, kindBefore: number, kindAfter: number): boolean {
  if (instruction === undefined || instruction.op === "set" || instruction.op === "match") return false;
  return instruction.op !== "assert" || holds(instruction.test, kindBefore, kindAfter);
}

/** The first leaf of the state that is reached from the instruction, in the order of preference; -1 for none. */
function choose(m: Matcher, state: State, from: number, kindBefore: number): number {
  const { code } = m.program;
  const round = newRound(m);
  for (const leaf of state.leaves) m.leafMarks[leaf] = round;
  // Each with the one it is reached from.
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

/** The leaf after `leaf`, which took the code point before the position. */
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

/** The state itself, or its like after the others were forgotten. */
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

/** A position whose state is kept without the automaton, so that it holds nothing else. */
interface Border {
  readonly at: number;
  readonly leaves: Int32Array;
  readonly kind: number;
}

/** Where the blocks of the text end, the last block first; each has at most `length` code units and one more. */
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

interface Walk {
  readonly found: (start: number, end: number) => boolean;
  readonly slots: Int32Array | undefined;
  at: number;
  kindBefore: number;
  /** The leaf that takes the next code point, inside a match; NONE outside. */
  leaf: number;
  /** Of the match it is in. */
  start: number;
  lastEnd: number;
  stopped: boolean;
}

/**
 * Calls `found` with the start and end, in code units, of each match of the well-formed text, from left to right, until it
 * gives false. As in RE2, an empty match directly after another match is none. While `found` runs, `slots` has the places of
 * the match's groups; those of a group that took no part are from an earlier match, or as they were.
 */
export function eachMatch(m: Matcher, text: string, found: (start: number, end: number) => boolean, slots?: Int32Array): void {
  // No less than the root of the text's length: there are as many borders as a block has states, and both take memory.
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

/** Walks through the block that begins where the walk is; `trail` has the numbers of its states. */
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

/** Ends a match at the walk's position, goes on with it, or begins one. */
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

/** Notes the marks on the way from a leaf, or from the start for NONE, to the next leaf. */
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
