/** Checks names of functions, builtins and capabilities as values: `list.map(paths, fs.read)`. */
import { type CapabilityDecl, signatureFor } from "../../vm/capabilities.ts";
import type { Name, Span } from "../ast.ts";
import { type CheckedType, prune } from "../check-types.ts";
import type { Callable, Local } from "../ir.ts";
import { requireJsonType, typeArgument } from "./json-types.ts";
import { type FunctionChecker, type Instance, instanceOf, type Typed } from "./context.ts";

/** Checks the name of a function or builtin as a value. Returns undefined if there is no such function or builtin. */
export function checkFunctionValue(checker: FunctionChecker, name: Name): Typed | undefined {
  const { scope, context } = checker;
  const target = scope.unit.functions.get(name.text);
  if (target !== undefined) {
    if (target.message !== null) reportReceiverAsValue(checker, target, name);
    scope.calls(target, name.span);
    context.recorder?.name(name.span, { kind: "function", callable: target });
    return { ir: { kind: "fn", target, span: name.span }, type: functionType(instanceOf(target)) };
  }
  const builtin = context.builtin(scope.unit, name.text);
  if (builtin === undefined) return undefined;
  context.recorder?.name(name.span, { kind: "builtin", builtin });
  const instance = instanceOf(context.builtinSignature(builtin));
  const type = functionType(instance);
  if (builtin.source !== undefined) return { ir: { kind: "fn", target: context.sourceBuiltin(builtin), span: name.span }, type };
  if (builtin.convertsJson) requireJsonType(checker, builtin, instance.typeArgs, name.span);
  const typeArg = typeArgument(builtin, instance.typeArgs);
  return { ir: { kind: "builtin_value", builtin, arity: instance.params.length, typeArg, span: name.span }, type };
}

/** Reports a function with a message type as a value: a call of the value would not say whose messages it takes. */
function reportReceiverAsValue(checker: FunctionChecker, { name: text }: Callable, { span }: Name): void {
  checker.error("E009", span, `\`${text}\` takes messages out of the mailbox, so it is not a value`, {
    help: `write \`spawn ${text}\`, or call it in a function that receives the same messages`,
  });
}

const functionType = ({ params, result, row }: Instance): CheckedType => ({ kind: "fn", params, result, row });

/**
 * Checks the name of a capability as a value. It means a lambda that calls the capability: `fs.read` means `fn(path) { fs.read(path) }`.
 * The expected type decides the number of parameters. If none is expected, those with a default are omitted.
 */
export function checkCapabilityValue(
  checker: FunctionChecker,
  capability: CapabilityDecl,
  { span }: Name,
  expected: CheckedType,
): Typed | undefined {
  const { context, scope } = checker;
  const wanted = prune(expected);
  const [first] = capability.signatures;
  if (capability.internal === true || first === undefined) return undefined;
  const chosen = wanted.kind === "fn" ? signatureFor(capability, wanted.params.length) : undefined;
  const signature = chosen ?? first;
  const required = signature.params.filter((p) => p.default === undefined).length;
  const declared = signature.params.slice(0, chosen === undefined || wanted.kind !== "fn" ? required : wanted.params.length);
  const params = declared.map((p): Local => ({ name: p.name, type: context.fromModuleType(p.type), mutable: false, span, used: true }));
  const result = context.fromModuleType(signature.result);
  const types = params.map((p) => p.type);
  const row = [capability.name];
  const target: Callable = {
    name: capability.name,
    file: scope.unit,
    item: null,
    message: null,
    typeParams: [],
    params: types,
    result,
    row,
    body: { params, destructureParams: [], requires: [], ensures: [], result: null, value: callOf(capability, params, span), intent: null },
  };
  return { ir: { kind: "fn", target, span }, type: { kind: "fn", params: types, result, row } };
}

const callOf = ({ id }: CapabilityDecl, params: readonly Local[], span: Span): Typed["ir"] => ({
  kind: "capability",
  id,
  args: params.map((local) => ({ kind: "local", local, span })),
  caught: false,
  span,
});
