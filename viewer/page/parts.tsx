/** Small components that several views use. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { ValueText } from "../api.ts";
import { OUTCOMES } from "../../vm/outcome.ts";
import { replaceUnsafe } from "../../vm/terminal-text.ts";
import { RequestError } from "./client.ts";
import { formatCount, plural } from "./format.ts";

export type Tone = "good" | "refused" | "bad" | "waiting" | "neutral";

/** A sign for each tone, because color must not be the only difference. */
export const SIGNS: Readonly<Record<Tone, string>> = { good: "✓", refused: "⊘", bad: "✕", waiting: "◔", neutral: "·" };

const TONES: ReadonlyMap<string, Tone> = new Map([
  ["success", "good"],
  ["denied", "refused"],
  ["budget_exceeded", "refused"],
  ["suspended", "waiting"],
  ["in_doubt", "waiting"],
  ["running", "waiting"],
  ["incomplete", "neutral"],
  ["unknown", "neutral"],
]);

export function toneOfOutcome(outcome: string): Tone {
  return TONES.get(outcome) ?? "bad";
}

function explanation(outcome: string): string | undefined {
  if (outcome === "running") return "the run is in progress";
  return Object.entries(OUTCOMES).find(([name]) => name === outcome)?.[1].doc;
}

/** Text from a span or a log. Characters that are invisible or change the direction of text are shown as escapes. */
export function Untrusted({ text }: { readonly text: string }) {
  return <bdi>{replaceUnsafe(text, (character) => (character === "\n" || character === "\t" ? character : escapeOf(character)))}</bdi>;
}

const escapeOf = (character: string): string => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;

/** Like `Untrusted`, for places that take only text, such as an option of a list. */
export const untrusted = (text: string): string => replaceUnsafe(text);

export function OutcomeBadge({ outcome }: { readonly outcome: string }) {
  const tone = toneOfOutcome(outcome);
  return (
    <span class={`badge ${tone}`} title={explanation(outcome)}>
      <span class="sign" aria-hidden="true">
        {SIGNS[tone]}
      </span>
      <Untrusted text={outcome.replaceAll("_", " ")} />
    </span>
  );
}

export function ErrorNote({ error }: { readonly error: unknown }) {
  if (error === undefined) return null;
  const hint = error instanceof RequestError ? error.hint : undefined;
  return (
    <p class="note bad" role="alert">
      <span aria-hidden="true">✕ </span>
      <Untrusted text={error instanceof Error ? error.message : "Something went wrong."} />
      {hint !== undefined && (
        <>
          <br />
          <Untrusted text={hint} />
        </>
      )}
    </p>
  );
}

export function Note({ children }: { readonly children: ComponentChildren }) {
  return <p class="note">{children}</p>;
}

interface FollowBoxProps {
  readonly checked: boolean;
  readonly onChange: (checked: boolean) => void;
}

/** A checkbox that makes a list keep its last row visible while rows arrive. */
export function FollowBox({ checked, onChange }: FollowBoxProps) {
  return (
    <label class="check">
      <input type="checkbox" checked={checked} onChange={() => onChange(!checked)} />
      follow the end
    </label>
  );
}

/** The number of rows that meet the conditions. `total` is undefined until the server has answered. */
export function RowCount({ total, noun }: { readonly total: number | undefined; readonly noun: string }) {
  return (
    <span class="small" aria-live="polite">
      {total === undefined ? "Loading …" : plural(total, noun)}
    </span>
  );
}

/** A value. The server cuts a long one. */
export function ValueView({ value }: { readonly value: ValueText }) {
  return (
    <>
      <pre class="value" tabIndex={0}>
        <Untrusted text={value.text} />
      </pre>
      {value.cut && <p class="small">Only the start is shown; the value has {formatCount(value.chars)} characters.</p>}
    </>
  );
}

const COPIED_MS = 1_500;

/** A shell command with a button that copies it. */
export function Command({ command }: { readonly command: string }) {
  const [isCopied, setCopied] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(command);
    setCopied(true);
    timer.current = setTimeout(() => setCopied(false), COPIED_MS);
  };
  return (
    <div class="command">
      <code>
        <Untrusted text={command} />
      </code>
      <button type="button" onClick={() => void copy()}>
        {isCopied ? "Copied" : "Copy"}
      </button>
    </div>
  );
}

export interface Fact {
  readonly name: string;
  readonly value: ComponentChildren;
}

/** Names with values, such as the numbers of a run. Leaves out values that are undefined. */
export function Facts({ facts }: { readonly facts: readonly Fact[] }) {
  return (
    <dl class="facts">
      {facts
        .filter(({ value }) => value !== undefined)
        .map(({ name, value }) => (
          <div key={name}>
            <dt>
              <Untrusted text={name} />
            </dt>
            <dd>{typeof value === "string" ? <Untrusted text={value} /> : value}</dd>
          </div>
        ))}
    </dl>
  );
}

const NARROW = "(max-width: 700px)";

/** Whether the page is as narrow as on a telephone. */
export function useIsNarrow(): boolean {
  const [isNarrow, setNarrow] = useState(() => matchMedia(NARROW).matches);
  useEffect(() => {
    const query = matchMedia(NARROW);
    const update = (): void => setNarrow(query.matches);
    query.addEventListener("change", update);
    return () => query.removeEventListener("change", update);
  }, []);
  return isNarrow;
}

/** The height of a row of spans or events, in pixels. */
export const useRowHeight = (): number => (useIsNarrow() ? 46 : 28);
