/**
 * The URL's fragment says what the page shows, so every run, span and event has a permalink: `#/run/ID?span=SPANID`. A permalink does not
 * contain the token.
 */
import { useEffect, useState } from "preact/hooks";

export interface Route {
  /** The parts of the path: `["run", "ID"]`. Empty for the list of runs. */
  readonly path: readonly string[];
  readonly query: ReadonlyMap<string, string>;
}

export function parseRoute(fragment: string): Route {
  const [path = "", query = ""] = fragment.replace(/^#?\/?/, "").split("?", 2);
  return { path: path.split("/").filter(Boolean).map(decode), query: new Map(new URLSearchParams(query)) };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    return text;
  }
}

/** Returns the fragment of a route. Leaves out undefined and empty query values. */
export function routeTo(path: readonly string[], query: Readonly<Record<string, string | number | undefined>> = {}): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined && value !== "") params.set(name, String(value));
  const text = params.toString();
  return `#/${path.map(encodeURIComponent).join("/")}${text === "" ? "" : `?${text}`}`;
}

/** Opens a route. With `replace`, it replaces the current entry of the browser's history. */
export function navigate(fragment: string, replace = false): void {
  if (fragment === location.hash) return;
  if (!replace) {
    location.hash = fragment;
    return;
  }
  history.replaceState(null, "", fragment);
  dispatchEvent(new HashChangeEvent("hashchange"));
}

/** Changes the query of the current route. An empty or undefined value removes a parameter. */
export function setQuery(changes: Readonly<Record<string, string | number | undefined>>, replace = true): void {
  const { path, query } = parseRoute(location.hash);
  navigate(routeTo(path, { ...Object.fromEntries(query), ...changes }), replace);
}

export function useRoute(): Route {
  const [route, setRoute] = useState(() => parseRoute(location.hash));
  useEffect(() => {
    const update = (): void => setRoute(parseRoute(location.hash));
    addEventListener("hashchange", update);
    return () => removeEventListener("hashchange", update);
  }, []);
  return route;
}
