/** Checks how functions use the mailbox of the actor that runs them. A function declares the type of its messages with `receives M`. */
import type { Span } from "../ast.ts";
import type { Diagnostics } from "../diagnostics.ts";
import { ACTOR_ID, actorIdOf, type CheckedType, findPart, freshVar, type PartTest, showType, unify } from "../check-types.ts";
import type { Callable } from "../ir.ts";
import type { FunctionScope, SourceUnit } from "../scope.ts";
import type { FunctionChecker } from "./context.ts";

/** The maximum number of functions shown in a path of calls. */
const MAX_PATH_LENGTH = 12;

/** Whether the part of a type is `ActorId<M>`, the id of an actor that receives messages of the type M. */
const isTypedId: PartTest = (part) => part.kind === "builtin" && part.name === "ActorId";

/** Checks a call of a function with a message type. The caller runs in the same actor, so it must declare the same message type. */
export function checkMailbox(checker: FunctionChecker, { name, message }: Callable, span: Span): void {
  const { message: own } = checker.scope.callable;
  if (message === null || (own !== null && unify(message, own))) return;
  checker.error(
    "E009",
    span,
    `\`${name}\` receives ${showType(message)}, and this function ${own === null ? "declares no messages" : `receives ${showType(own)}`}`,
    {
      help: `a call takes messages out of the caller's mailbox: write \`receives ${showType(message)}\` after the result type of the caller, or \`spawn ${name}\``,
    },
  );
}

/** Returns the type of a received message. Without `receives`, the code around `receive` decides the type, and the machine checks the message. */
export function receivedType(checker: FunctionChecker, span: Span): CheckedType {
  const { message } = checker.scope.callable;
  if (message !== null) return message;
  checker.scope.usesUntypedMailbox = true;
  const type = freshVar();
  checker.context.deferredChecks.push(() => {
    const id = findPart(type, isTypedId);
    if (id === undefined) return;
    checker.error("E009", span, `the machine cannot check that a received id is an ${showType(id)}`, {
      help: `declare the messages of this function: \`receives ${showType(type)}\` after its result type`,
    });
  });
  return type;
}

/** Defers a check of a message to an actor without a message type. The message must contain no `ActorId<M>`, because the receiver would not know M. */
export function requireNoTypedIds(checker: FunctionChecker, type: CheckedType, span: Span): void {
  checker.context.deferredChecks.push(() => {
    const id = findPart(type, isTypedId);
    if (id === undefined) return;
    checker.error("E009", span, `${showType(id)} is sent to an actor that declares no messages, so the type of the id would be lost`, {
      help: `declare the messages of that actor: \`receives ${showType(type)}\` after its result type`,
    });
  });
}

/** Returns the type of `self()`. */
export function ownIdType(checker: FunctionChecker): CheckedType {
  const { message } = checker.scope.callable;
  if (message === null) checker.scope.usesUntypedMailbox = true;
  return message === null ? ACTOR_ID : actorIdOf(message);
}

/** Returns the scope of the named function that contains a lambda. Returns the scope of a named function itself. */
function namedScope(scope: FunctionScope): FunctionScope {
  let named = scope;
  while (named.parent !== null) named = named.parent;
  return named;
}

/**
 * Reports each function with `receives` that calls, directly or through others, a function without `receives` that uses `receive` or
 * `self()`. The called function would read messages from the caller's mailbox as another type. A function value counts as called where it is
 * made: messages contain no functions, so only the same actor can call it.
 */
export function checkMailboxCalls(
  scopes: ReadonlyMap<Callable, FunctionScope>,
  diagnosticsOf: (unit: SourceUnit) => Diagnostics = ({ diagnostics }) => diagnostics,
): void {
  let usesMessages = false;
  for (const { message } of scopes.keys()) usesMessages ||= message !== null;
  if (!usesMessages) return;
  const callers = new Map<Callable, FunctionScope[]>();
  /** The functions without a message type that use the mailbox. The value is the function through which they do; null if they do it directly. */
  const nextOnPath = new Map<Callable, Callable | null>();
  const unvisited: Callable[] = [];
  const visit = (callable: Callable, next: Callable | null): void => {
    if (nextOnPath.has(callable)) return;
    nextOnPath.set(callable, next);
    unvisited.push(callable);
  };
  for (const scope of scopes.values()) {
    const named = namedScope(scope);
    if (scope.usesUntypedMailbox) visit(named.callable, null);
    for (const callee of scope.callees.keys()) {
      const scopesOfCallers = callers.get(callee);
      if (scopesOfCallers === undefined) callers.set(callee, [scope]);
      else scopesOfCallers.push(scope);
    }
  }
  for (let callee = unvisited.pop(); callee !== undefined; callee = unvisited.pop()) {
    for (const scope of callers.get(callee) ?? []) {
      const { callable, unit } = namedScope(scope);
      if (callable.message === null) visit(callable, callee);
      else reportUntypedMailbox(diagnosticsOf(unit), scope.callees.get(callee), callable, pathFrom(callee, nextOnPath));
    }
  }
}

function pathFrom(first: Callable, nextOnPath: ReadonlyMap<Callable, Callable | null>): readonly Callable[] {
  const path: Callable[] = [];
  for (
    let callable: Callable | null = first;
    callable !== null && path.length < MAX_PATH_LENGTH;
    callable = nextOnPath.get(callable) ?? null
  )
    path.push(callable);
  return path;
}

function reportUntypedMailbox(
  diagnostics: Diagnostics,
  span: Span | undefined,
  { name, message }: Callable,
  path: readonly Callable[],
): void {
  if (span === undefined || message === null) return;
  const names = path.map((callable) => callable.name);
  diagnostics.error(
    "E009",
    span,
    `\`${names.at(-1)}\` uses the mailbox but declares no messages, and \`${name}\` receives ${showType(message)} (${[name, ...names].join(" → ")})`,
    { help: `write \`receives ${showType(message)}\` after the result type of ${names.map((each) => `\`${each}\``).join(" and ")}` },
  );
}
