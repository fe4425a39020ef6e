/** Checks names of functions, builtins and capabilities as values: `list.map(paths, fs.read)`. */
import { type CapabilityDecl, signatureFor } from "../../vm/capabilities.ts";
import type { Name, Span } from "../ast.ts";
import { type CheckedType, prune } from "../check-types.ts";
import type { Callable, Local } from "../ir.ts";
import { requireJsonType, typeArgument } from "./json-types.ts";
import { type FunctionChecker, type SignatureInstance, instanceOf, type TypedIr } from "./context.ts";

/** Checks the name of a function or builtin as a value. Returns undefined if there is no such function or builtin. */
export function checkFunctionValue(checker: FunctionChecker, name: Name): TypedIr | undefined {
  const { scope, context } = checker;
  const target = scope.unit.functions.get(name.text);
  if (target !== undefined) {
    if (target.message !== null) reportReceiverAsValue(checker, target, name);
    scope.recordCallee(target, name.span);
    context.nameRecorder?.addName(name.span, { kind: "function", callable: target });
    return { ir: { kind: "fn", target, span: name.span }, type: functionType(instanceOf(target)) };
  }
  const builtin = context.builtin(scope.unit, name.text);
  if (builtin === undefined) return undefined;
  context.nameRecorder?.addName(name.span, { kind: "builtin", builtin });
  const instance = instanceOf(context.builtinSignature(builtin));
  const type = functionType(instance);
  if (builtin.source !== undefined) return { ir: { kind: "fn", target: context.sourceBuiltin(builtin), span: name.span }, type };
  if (builtin.convertsJson) requireJsonType(checker, builtin, instance.typeArgs, name.span);
  const typeArg = typeArgument(builtin, instance.typeArgs);
  return { ir: { kind: "builtin_value", builtin, arity: instance.params.length, typeArg, span: name.span }, type };
}

/** Reports a function with `receives` that is used as a value. The type of a function value does not say which messages a call takes. */
function reportReceiverAsValue(checker: FunctionChecker, { name: text }: Callable, { span }: Name): void {
  checker.error("E009", span, `\`${text}\` takes messages out of the mailbox, so it is not a value`, {
    help: `write \`spawn ${text}\`, or call it in a function that receives the same messages`,
  });
}

const functionType = ({ params, result, row }: SignatureInstance): CheckedType => ({ kind: "fn", params, result, row });

/**
 * Checks the name of a capability as a value: `fs.read` means the lambda `fn(path) { fs.read(path) }`. The expected function type decides
 * the number of parameters. Without one, parameters with a default are left out.
 */
export function checkCapabilityValue(
  checker: FunctionChecker,
  capability: CapabilityDecl,
  { span }: Name,
  expected: CheckedType,
): TypedIr | undefined {
  const { context, scope } = checker;
  const wanted = prune(expected);
  const [first] = capability.signatures;
  if (capability.internal === true || first === undefined) return undefined;
  const chosen = wanted.kind === "fn" ? signatureFor(capability, wanted.params.length) : undefined;
  const signature = chosen ?? first;
  const required = signature.params.filter((p) => p.default === undefined).length;
  const declared = signature.params.slice(0, chosen === undefined || wanted.kind !== "fn" ? required : wanted.params.length);
  const params = declared.map((p): Local => ({ name: p.name, type: context.fromModuleType(p.type), isMutable: false, span, isUsed: true }));
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

const callOf = ({ id }: CapabilityDecl, params: readonly Local[], span: Span): TypedIr["ir"] => ({
  kind: "capability",
  id,
  args: params.map((local) => ({ kind: "local", local, span })),
  caught: false,
  span,
});
