/** Errors of the API as HTTP answers. */
import { BorunaError } from "../vm/error.ts";
import type { ApiError } from "./api.ts";

/** An answer other than 200. */
export class HttpProblem extends Error {
  readonly status: number;
  readonly kind: string;
  constructor(status: number, kind: string, message: string) {
    super(message);
    this.status = status;
    this.kind = kind;
  }
}

export const notFound = (message: string): HttpProblem => new HttpProblem(404, "not_found", message);

/** Returns the status and the body for an error. The body for an internal error has no details. */
export function problemAnswer(error: unknown): { readonly status: number; readonly body: ApiError } {
  if (error instanceof HttpProblem) return { status: error.status, body: { error: { kind: error.kind, message: error.message } } };
  if (error instanceof BorunaError && error.kind !== "internal") {
    const { kind, message, hint } = error;
    // 400: the request is wrong. 422: a log is wrong.
    const status = kind === "usage" || /^(json|policy)\./.test(kind) ? 400 : 422;
    return { status, body: { error: { kind, message, hint } } };
  }
  return { status: 500, body: { error: { kind: "internal", message: "the viewer failed; this is a bug in boruna" } } };
}
