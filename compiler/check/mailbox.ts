/** Checks what functions do with the mailbox of the actor that runs them, whose type is declared with `receives`. */
import type { Span } from "../ast.ts";
import { ACTOR_ID, actorIdOf, type CheckedType, findPart, freshVar, type PartTest, show, unify } from "../check-types.ts";
import type { Callable } from "../ir.ts";
import type { FunctionChecker } from "./context.ts";

const isTypedId: PartTest = (part) => part.kind === "builtin" && part.name === "ActorId";

/** Checks a call of a function that may declare a message type: the caller runs in the same actor, so it must declare the same type. */
export function checkMailbox(checker: FunctionChecker, { name, message }: Callable, span: Span): void {
  const { message: own } = checker.scope.callable;
  if (message === null || (own !== null && unify(message, own))) return;
  checker.error(
    "E009",
    span,
    `\`${name}\` receives ${show(message)}, and this function ${own === null ? "declares no messages" : `receives ${show(own)}`}`,
    {
      help: `a call takes messages out of the caller's mailbox: write \`receives ${show(message)}\` after the result type of the caller, or \`spawn ${name}\``,
    },
  );
}

/** Returns the type of a received message. Without `receives`, the context decides it, and the machine checks the message. */
export function receivedType(checker: FunctionChecker, span: Span): CheckedType {
  const { message } = checker.scope.callable;
  if (message !== null) return message;
  const type = freshVar();
  checker.context.deferredChecks.push(() => {
    const id = findPart(type, isTypedId);
    if (id === undefined) return;
    checker.error("E009", span, `the machine cannot check that a received id is an ${show(id)}`, {
      help: `declare the messages of this function: \`receives ${show(type)}\` after its result type`,
    });
  });
  return type;
}

/** Defers a check that a message to an actor without a message type holds no id with one, because the type would be lost there. */
export function requireNoTypedIds(checker: FunctionChecker, type: CheckedType, span: Span): void {
  checker.context.deferredChecks.push(() => {
    const id = findPart(type, isTypedId);
    if (id === undefined) return;
    checker.error("E009", span, `${show(id)} is sent to an actor that declares no messages, so the type of the id would be lost`, {
      help: `declare the messages of that actor: \`receives ${show(type)}\` after its result type`,
    });
  });
}

/** Returns the type of `self()`. */
export function ownIdType(checker: FunctionChecker): CheckedType {
  const { message } = checker.scope.callable;
  return message === null ? ACTOR_ID : actorIdOf(message);
}
