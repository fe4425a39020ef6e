/** Reports the end of a command as a usage event, if usage events are on. They are off by default. */
import { readUsageSettings } from "../telemetry/usage/settings.ts";
import { BorunaError } from "../vm/error.ts";
import { EXIT, OUTCOMES } from "../vm/outcome.ts";
import type { CommandSpec } from "./command-spec.ts";
import type { Terminal } from "./terminal.ts";

export interface CommandEnd {
  readonly exitCode: number;
  /** One stable word for the error. Default: what the exit code means. */
  readonly errorClass: string | undefined;
  /** The trace id of the run's span, if there is one. */
  readonly traceId: string | undefined;
}

/**
 * Delivers the event within its time limit. Never throws, and writes only to stderr. Commands of the group `telemetry` send no event: asking
 * what would be sent must not send it. A lost event is reported only with BORUNA_DEBUG=1.
 */
export async function reportUsage(terminal: Terminal, command: CommandSpec, end: CommandEnd): Promise<void> {
  const { destination, tenant } = readUsageSettings(process.env);
  if (destination === undefined || command.name.startsWith("telemetry ")) return;
  const { exitCode, errorClass = wordOf(exitCode), traceId } = end;
  const { recordUsage } = await import("../telemetry/usage/record.ts");
  const lost = await recordUsage({ name: command.name, exitCode, errorClass, traceId }, destination, tenant, process.env, (line) =>
    terminal.err(line),
  );
  if (lost !== undefined && process.env.BORUNA_DEBUG === "1") terminal.err(`usage event not delivered: ${lost}`);
}

/** Returns the stable word for an error that a command threw. */
export function errorClassOf(error: unknown): string {
  return error instanceof BorunaError ? error.kind : "internal";
}

/** Returns the error class for an exit code without an error: `failed`, `verification_failed`, `divergence`. */
function wordOf(exitCode: number): string {
  const [exitName] = Object.entries(EXIT).find(([, code]) => code === exitCode) ?? [];
  if (exitName !== undefined) return exitName.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return Object.entries(OUTCOMES).find(([, outcome]) => outcome.exitCode === exitCode)?.[0] ?? "other";
}
