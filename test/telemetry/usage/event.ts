/** A valid usage event for tests. */
import type { UsageEvent } from "../../../telemetry/usage/event.ts";

export const EVENT: UsageEvent = {
  schema_version: "1",
  ts: "2026-11-29T14:26:26.923Z",
  trace_id: "f37bc941a464f5607236f0a9128ca5a6",
  command: "policy",
  subcommand: "show",
  outcome: "error",
  err_class: "policy.unknown_field",
  exit_code: 2,
  duration_ms: 148,
  cli_version: "0.1.0",
  channel: "stable",
  os: "linux",
};
