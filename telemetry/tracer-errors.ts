/** Reports errors that the tracers and meters of the process throw, which must never reach a run. */
import { diag } from "@opentelemetry/api";

/** Runs code that calls span processors or instruments. If one of them throws, reports the error. */
export function reportingErrors(body: () => void): void {
  try {
    body();
  } catch (error) {
    reportError(error);
  }
}

export function reportError(error: unknown): void {
  diag.error(`boruna: a tracer or meter failed: ${error instanceof Error ? error.name : typeof error}`);
}
