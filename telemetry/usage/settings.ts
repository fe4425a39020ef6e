/**
 * Reads the settings of usage events, which are off by default. Every command reads them, so this file loads nothing
 * that a command without usage events does not need. event.ts declares what an event contains; record.ts makes and delivers one.
 */
import { type Environment, readVariable, VARIABLES } from "../variables.ts";
import { BUILT_IN_URL } from "./built-in.ts";

export type UsageDestination =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "url"; readonly url: string; readonly token: string | undefined; readonly timeoutMs: number };

export interface UsageSettings {
  /** Where events go. Undefined if they are off. */
  readonly destination: UsageDestination | undefined;
  /** Why events are on or off. Names variables, never their values. */
  readonly reason: string;
  /** The value of `BORUNA_TELEMETRY_TENANT`, a word that every event carries, such as the name of a team. */
  readonly tenant: string | undefined;
  /** One line for each value that is not valid and therefore ignored. */
  readonly warnings: readonly string[];
}

const OPT_OUTS = ["BORUNA_TELEMETRY_DISABLED", "DO_NOT_TRACK"] as const;
const MAX_TIMEOUT_MS = 60_000;
/** The characters of a bearer token (RFC 6750, section 2.1). */
const TOKEN = /^[A-Za-z0-9._~+/-]{1,1024}=*$/;
export const TENANT = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Reads the variables. `builtInUrl` is where events go if the variables name no destination. */
export function readUsageSettings(environment: Environment, builtInUrl: string | undefined = BUILT_IN_URL): UsageSettings {
  const off = (reason: string): UsageSettings => ({ destination: undefined, reason, tenant: undefined, warnings: [] });
  // Any value opts out, even white space, so the value is not trimmed.
  const optOut = OPT_OUTS.find((name) => (environment[name] ?? "") !== "");
  if (optOut !== undefined) return off(`${optOut} is set`);
  const path = readVariable(environment, "BORUNA_TELEMETRY_FILE");
  if (path !== undefined) return settingsOf(environment, { kind: "file", path }, "BORUNA_TELEMETRY_FILE is set", []);
  const enabled = readVariable(environment, "BORUNA_TELEMETRY_ENABLED");
  if (enabled !== undefined && enabled !== "1") return off("BORUNA_TELEMETRY_ENABLED is not 1");
  if (enabled === undefined && builtInUrl === undefined) return off("BORUNA_TELEMETRY_ENABLED is not set");
  const reason = enabled === "1" ? "BORUNA_TELEMETRY_ENABLED is 1" : "this build of Boruna turns them on";
  const url = readVariable(environment, "BORUNA_TELEMETRY_URL") ?? builtInUrl;
  if (url === undefined) return off(`${reason}, but neither BORUNA_TELEMETRY_URL nor BORUNA_TELEMETRY_FILE is set`);
  if (!isPlainHttpUrl(url)) return off("BORUNA_TELEMETRY_URL is not an http or https URL without a user name");
  const token = readVariable(environment, "BORUNA_TELEMETRY_TOKEN");
  if (token !== undefined && !isBearerToken(token)) return off("BORUNA_TELEMETRY_TOKEN is not a bearer token");
  const { timeoutMs, warnings } = readTimeout(environment);
  return settingsOf(environment, { kind: "url", url, token, timeoutMs }, reason, warnings);
}

export const isBearerToken = (text: string): boolean => TOKEN.test(text);

function settingsOf(environment: Environment, destination: UsageDestination, reason: string, warnings: readonly string[]): UsageSettings {
  const tenant = readVariable(environment, "BORUNA_TELEMETRY_TENANT");
  if (tenant === undefined || TENANT.test(tenant)) return { destination, reason, tenant, warnings };
  const warning = "BORUNA_TELEMETRY_TENANT is ignored: it may have up to 64 letters, digits, dots, underscores and hyphens";
  return { destination, reason, tenant: undefined, warnings: [...warnings, warning] };
}

function readTimeout(environment: Environment): { readonly timeoutMs: number; readonly warnings: readonly string[] } {
  const text = readVariable(environment, "BORUNA_TELEMETRY_TIMEOUT_MS");
  const fallback = VARIABLES.BORUNA_TELEMETRY_TIMEOUT_MS.default;
  if (text === undefined) return { timeoutMs: fallback, warnings: [] };
  const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : 0;
  if (value > 0) return { timeoutMs: Math.min(value, MAX_TIMEOUT_MS), warnings: [] };
  return {
    timeoutMs: fallback,
    warnings: [`BORUNA_TELEMETRY_TIMEOUT_MS is ignored: it is not a whole number from 1 up; ${fallback} is used`],
  };
}

/** Whether the text is an http or https URL without user name and password, which would be sent as credentials beside the token. */
function isPlainHttpUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return ["http:", "https:"].includes(protocol) && username === "" && password === "";
}
