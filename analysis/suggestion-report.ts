/** Formats a suggested policy with the reason for each rule. */
import type { JsonData } from "../vm/json/json.ts";
import { pathText } from "./check.ts";
import type { SuggestedRule, Suggestion } from "./suggest.ts";

/** A suggestion with its proofs: for each log, whether it replays without a change under the suggested policy. */
interface Proven extends Suggestion {
  readonly proofs: readonly { readonly file: string; readonly holds: boolean; readonly report: { readonly stop: Stop | undefined } }[];
}
/** The call at which a replay stopped, and why. `rule` is the policy rule that refused the call. */
interface Stop {
  readonly reason: string;
  readonly text?: string;
  readonly rule?: string | undefined;
}

/** Returns lines that say where each rule comes from, and whether each log passes. */
export function suggestionLines({ rules, proofs }: Proven): readonly string[] {
  const failed = proofs.filter(({ holds }) => !holds);
  const proof = failed.map(
    ({ file, report: { stop } }) =>
      `${file} does not pass under this policy${stop?.rule === undefined ? "" : `: ${stop.text} [${stop.rule}]`}`,
  );
  const passed = proofs.length - failed.length;
  return [
    ...rules.map(ruleText),
    ...proof,
    `${passed} of ${proofs.length} ${proofs.length === 1 ? "log passes" : "logs pass"} under this policy`,
  ];
}

function ruleText({ capability, status, calls, runs, most, example }: SuggestedRule): string {
  if (status === "never_seen")
    return `${capability}: reachable, never seen${example?.path === undefined ? "" : `: ${pathText(example.path(), example.place)}`}`;
  return `${capability}: observed, ${count(calls, "call")} in ${count(runs, "run")}, at most ${most} in one`;
}

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`;

/** Returns the suggestion as JSON. */
export function suggestionJson({ file, rules, proofs }: Proven): JsonData {
  return new Map<string, JsonData>([
    ["policy", file],
    [
      "rules",
      rules.map(
        ({ capability, status, calls, runs, most, example }) =>
          new Map<string, JsonData>([
            ["capability", capability],
            ["status", status],
            ["calls", calls],
            ["runs", runs],
            ["most", most],
            ["path", example?.path === undefined ? null : pathText(example.path(), example.place)],
          ]),
      ),
    ],
    [
      "proofs",
      proofs.map(
        ({ file: log, holds }) =>
          new Map<string, JsonData>([
            ["log", log],
            ["holds", holds],
          ]),
      ),
    ],
  ]);
}
