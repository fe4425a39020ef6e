/** Shows calls that wait for an approval. */
import type { Approver, WaitingCall } from "../gateway/approval.ts";
import { replaceUnsafe } from "../vm/terminal-text.ts";
import type { CommandSession } from "./session.ts";

/** Limit on the shown characters of one argument. */
const MAX_SHOWN = 2_000;

/** Characters that no reader sees: format characters, such as zero-width ones and tags. `replaceUnsafe` escapes the others. */
const INVISIBLE = /\p{Cf}/gu;

/** Returns the text of a program with every invisible character visible, so that a person sees what is asked. */
export function visible(text: string): string {
  return replaceUnsafe(text).replace(INVISIBLE, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

/** Returns one line for the call and one for each argument, safe to print. A long argument is cut, and the line says so. */
export function requestLines({ call, capability, args, hash }: WaitingCall): readonly string[] {
  return [`call ${call} of ${visible(capability)} (${hash})`, ...args.map(({ name, text }) => `  ${visible(name)}: ${shown(text)}`)];
}

function shown(text: string): string {
  if (text.length <= MAX_SHOWN) return visible(text);
  return `${visible(text.slice(0, MAX_SHOWN))}… (${text.length - MAX_SHOWN} of ${text.length} characters are not shown; the hash covers all)`;
}

/** Returns an approver that asks on the terminal, if there is one. It loads what it needs at the first request. */
export function terminalApprover({ terminal, json }: CommandSession): Approver {
  if (json) return () => undefined;
  let prompt: Promise<Approver> | undefined;
  return async (request) => {
    prompt ??= import("./approval-prompt.ts").then(({ promptApprover }) => promptApprover(terminal));
    return (await prompt)(request);
  };
}
