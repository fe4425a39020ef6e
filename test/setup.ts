/** Runs before each test file. The next file has the same process, so what a file registers there must not reach it. */
import { context, metrics, propagation, trace } from "@opentelemetry/api";
import { afterAll, vi } from "vitest";
import { cleanUp } from "./after-file.ts";
import "./bounded-shrinking.ts";

afterAll(async () => {
  for (const api of [trace, context, propagation, metrics]) api.disable();
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  await cleanUp();
});
