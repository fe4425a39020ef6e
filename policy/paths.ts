/**
 * Paths as a program writes them, judged by their text alone: no link is followed and no folder looked up, so that
 * a decision is the same on every host. The handler checks again, on the file that it has opened.
 */

/**
 * Whether a path lies below a root. `depends`: only the working directory tells (an absolute path, a relative root),
 * and the handler, which knows it, decides.
 */
export type Reach = "inside" | "outside" | "depends";

/** `.` and `..` resolved in the text; `..` stays at the start of a relative path. "" is the working directory. */
export function normalizePath(path: string): string {
  const absolute = path.startsWith("/");
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.length > 0 && parts.at(-1) !== "..") parts.pop();
    else if (!absolute) parts.push(part);
  }
  return (absolute ? "/" : "") + parts.join("/");
}

/** Whether `path` is `root` or below it; both normalized, and both absolute or both relative. */
export function isBelow(path: string, root: string): boolean {
  if (path === root) return true;
  if (root === "" || root === "/") return root === "/" ? path.startsWith("/") : !path.startsWith("/") && !climbs(path);
  return path.startsWith(`${root}/`) && !climbs(path.slice(root.length + 1));
}

const climbs = (path: string): boolean => path === ".." || path.startsWith("../");

/** A relative path means the working directory's file where that is below a root, else the file of that name below a root. */
export function reachOf(path: string, roots: readonly string[]): Reach {
  const normal = normalizePath(path);
  const normalRoots = roots.map(normalizePath);
  if (normalRoots.some((root) => root.startsWith("/") === normal.startsWith("/") && isBelow(normal, root))) return "inside";
  if (!normal.startsWith("/")) return roots.length > 0 && !climbs(normal) ? "inside" : "outside";
  return normalRoots.some((root) => !root.startsWith("/")) ? "depends" : "outside";
}
