/**
 * Secrets: in a request header, the secret's value replaces the placeholder `{{secret:NAME}}`, but only if the policy allows the host. In
 * everything that comes back, the placeholder replaces the value, so the program never sees the value.
 */
import { matchesHost } from "../../policy/hosts.ts";
import type { Policy } from "../../policy/policy.ts";
import { SECRET_PLACEHOLDER } from "../../policy/secret-placeholder.ts";
import { lazily } from "../../vm/lazy.ts";
import { CapabilityDenied, CapabilityFailure } from "../handlers.ts";
import { ESCAPES, MAX_ESCAPES, type SpelledText, spelledTexts, undoEscape } from "./spellings.ts";
import { TextSearch } from "./text-search.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Secrets {
  /** Whether the text contains a placeholder. */
  hasPlaceholder(text: string): boolean;
  /** Replaces placeholders by values, for a request to `host`. Throws `CapabilityDenied` if a secret is not for that host. */
  reveal(text: string, host: string): string;
  /** Replaces every value, in every spelling of `spellings.ts`, by its placeholder. Takes time linear in the text. */
  scrub(text: string): string;
  /** Like `scrub`, ignoring case, for text that may have been lower-cased, such as header names and hosts. */
  scrubAnyCase(text: string): string;
}

/** Matches text that a header may contain. A secret with any other character is never sent, so it cannot come back. */
const SENDABLE_VALUE = /^[\t\x20-\x7e]+$/;

/** Returns the secrets of a policy. Reads the environment only during this call. */
export function secretsOf(policy: Policy, env: Environment): Secrets {
  const values = new Map(
    [...policy.secrets].map(([name, secret]) => [name, (Object.hasOwn(env, secret.env) ? env[secret.env] : "") ?? ""]),
  );
  const spellings: readonly Spelling[] = [...values]
    .filter(([, value]) => SENDABLE_VALUE.test(value))
    .flatMap(([name, value]) => spelledTexts(value).map((spelled) => ({ ...spelled, placeholder: `{{secret:${name}}}` })));
  const lazySearch = ({ foldsCase }: { readonly foldsCase: boolean }) =>
    lazily(
      () =>
        new TextSearch(
          spellings.map(({ text }) => text),
          foldsCase,
        ),
    );
  const exactSearch = lazySearch({ foldsCase: false });
  const anyCaseSearch = lazySearch({ foldsCase: true });
  return {
    hasPlaceholder: (text) => text.search(SECRET_PLACEHOLDER) !== -1,
    reveal: (text, host) =>
      text.replace(SECRET_PLACEHOLDER, (_, name: string) => {
        const secret = policy.secrets.get(name);
        if (secret === undefined) throw new CapabilityFailure(`the policy has no secret ${name}`);
        if (!secret.hosts.some((pattern) => matchesHost(pattern, host)))
          throw new CapabilityDenied(`the secret ${name} may not be sent to ${host}`);
        const value = values.get(name) ?? "";
        if (value === "") throw new CapabilityFailure(`the secret ${name} has no value: its environment variable is not set`);
        if (!SENDABLE_VALUE.test(value)) throw new CapabilityFailure(`the secret ${name} has characters that a header cannot hold`);
        return value;
      }),
    scrub: (text) => (spellings.length === 0 ? text : scrubText(text, spellings, exactSearch())),
    scrubAnyCase: (text) => (spellings.length === 0 ? text : scrubText(text, spellings, anyCaseSearch())),
  };
}

/** A text that spells a secret, with the placeholder of that secret. */
interface Spelling extends SpelledText {
  readonly placeholder: string;
}

/** A range of the text that spells a secret. Overlapping matches are joined; the longest spelling gives the placeholder. */
interface SpelledRange {
  readonly start: number;
  readonly end: number;
  readonly spelling: Spelling;
}

function scrubText(text: string, spellings: readonly Spelling[], search: TextSearch): string {
  const ranges = findAll(text, spellings, search, MAX_ESCAPES);
  const parts: string[] = [];
  let last = 0;
  for (const { start, end, spelling } of ranges) {
    parts.push(text.slice(last, start), spelling.placeholder);
    last = end;
  }
  return parts.join("") + text.slice(last);
}

/** Returns the ranges in text order, without overlaps. Also searches inside up to `escapes` levels of escapes. */
function findAll(text: string, spellings: readonly Spelling[], search: TextSearch, escapes: number): readonly SpelledRange[] {
  let all: readonly SpelledRange[] = findUnescaped(text, spellings, search);
  if (escapes === 0) return all;
  for (const escape of ESCAPES) {
    const inner = undoEscape(escape, text);
    if (inner === undefined) continue;
    const innerRanges = findAll(inner.text, spellings, search, escapes - 1);
    all = mergeSorted(
      all,
      innerRanges.map(({ start, end, spelling }) => ({ start: inner.sourceIndexOf(start), end: inner.sourceIndexOf(end), spelling })),
    );
  }
  return all;
}

function findUnescaped(text: string, spellings: readonly Spelling[], search: TextSearch): readonly SpelledRange[] {
  const ranges: SpelledRange[] = [];
  search.visitMatches(text, (end, index) => {
    const spelling = spellings[index];
    if (spelling === undefined) return;
    const start = end - spelling.text.length;
    const { before, after } = spelling.partial ?? { before: 0, after: 0 };
    appendRange(ranges, {
      start: before === 1 && isBase64(text[start - 1]) ? start - 1 : start,
      end: after === 1 && isBase64(text[end]) ? end + 1 + paddingAt(text, end + 1) : end,
      spelling,
    });
  });
  return ranges;
}

const isBase64 = (character: string | undefined): boolean => character !== undefined && /^[A-Za-z0-9+/_-]$/.test(character);
const paddingAt = (text: string, index: number): number => (text.startsWith("==", index) ? 2 : text[index] === "=" ? 1 : 0);

/** Appends to a sorted list and joins overlapping matches. */
function appendRange(list: SpelledRange[], range: SpelledRange): void {
  let joined = range;
  for (let last = list.at(-1); last !== undefined && last.end > joined.start; last = list.at(-1)) {
    const isLonger = last.spelling.text.length > joined.spelling.text.length;
    joined = {
      start: Math.min(last.start, joined.start),
      end: Math.max(last.end, joined.end),
      spelling: isLonger ? last.spelling : joined.spelling,
    };
    list.pop();
  }
  list.push(joined);
}

/** Merges two sorted lists. */
function mergeSorted(a: readonly SpelledRange[], b: readonly SpelledRange[]): readonly SpelledRange[] {
  if (a.length === 0 || b.length === 0) return a.length === 0 ? b : a;
  const all: SpelledRange[] = [];
  for (let i = 0, j = 0; i < a.length || j < b.length; ) {
    const left = a[i];
    const right = b[j];
    if (left !== undefined && (right === undefined || left.start <= right.start)) {
      appendRange(all, left);
      i += 1;
    } else if (right !== undefined) {
      appendRange(all, right);
      j += 1;
    }
  }
  return all;
}
