/**
 * Checks the paths of `fs.read` and `fs.write` by their text alone. Follows no links and looks up no folders, so a decision is the same on
 * every machine. The handler checks again, on the file that it has opened.
 */

/**
 * Whether a path is below a root. `depends`: the path is absolute and a root is relative, so the answer depends on the working directory.
 * The handler knows that directory, and decides.
 */
type Reach = "inside" | "outside" | "depends";

/** Resolves `.` and `..` in the text. A relative path keeps a leading `..`. "" is the working directory. */
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

/** Whether `path` is `root` or below it. Both must be normalized, and both absolute or both relative. */
export function isBelow(path: string, root: string): boolean {
  if (path === root) return true;
  if (root === "" || root === "/") return root === "/" ? path.startsWith("/") : !path.startsWith("/") && !leavesFolder(path);
  return path.startsWith(`${root}/`) && !leavesFolder(path.slice(root.length + 1));
}

/** Whether a normalized relative path leaves the folder it starts in. */
const leavesFolder = (path: string): boolean => path === ".." || path.startsWith("../");

/**
 * Checks a path against the roots. A relative path first counts from the working directory. If that is not below a root, the path counts
 * from each root.
 */
export function reachOf(path: string, roots: readonly string[]): Reach {
  const normalPath = normalizePath(path);
  const normalRoots = roots.map(normalizePath);
  if (normalRoots.some((root) => root.startsWith("/") === normalPath.startsWith("/") && isBelow(normalPath, root))) return "inside";
  if (!normalPath.startsWith("/")) return roots.length > 0 && !leavesFolder(normalPath) ? "inside" : "outside";
  return normalRoots.some((root) => !root.startsWith("/")) ? "depends" : "outside";
}
