/** Describes what names refer to, for hovers, completions and signature help. */
import type { CheckedType } from "../compiler/check-types.ts";
import { showType } from "../compiler/check-types.ts";
import type { Callable } from "../compiler/ir.ts";
import type { Referent } from "../compiler/name-recorder.ts";
import { rowText } from "../compiler/rows.ts";
import type { CapabilityDecl, CapabilitySignature } from "../vm/capabilities.ts";
import { typeToString } from "../vm/value/type.ts";

export interface SignatureText {
  readonly label: string;
  readonly params: readonly string[];
}

export function functionSignature(callable: Callable, shownName = callable.name): SignatureText {
  const params = callable.params.map((type, i) => {
    const param = callable.item?.params[i];
    return `${param?.name.text || "_"}: ${showType(type)}`;
  });
  const row = callable.row.length === 0 ? "" : ` ${rowText(callable.row)}`;
  const typeParams = callable.typeParams.length === 0 ? "" : `<${callable.typeParams.map((param) => param.name).join(", ")}>`;
  const message = callable.message === null ? "" : ` receives ${showType(callable.message)}`;
  return { label: `fn ${shownName}${typeParams}(${params.join(", ")}) -> ${showType(callable.result)}${message}${row}`, params };
}

export function capabilitySignature({ name }: CapabilityDecl, { params, result }: CapabilitySignature): SignatureText {
  const texts = params.map((param) => `${param.name}: ${typeToString(param.type)}`);
  return { label: `${name}(${texts.join(", ")}) -> ${typeToString(result)} !{${name}}`, params: texts };
}

/** Returns the signature of a builtin. `type` is the text of its type, such as `Fn(List<A>, Fn(A) -> B) -> C`. */
export function builtinSignature(name: string, type: string): SignatureText {
  if (!type.startsWith("Fn(")) return { label: `${name}: ${type}`, params: [] };
  const params: string[] = [];
  let depth = 0;
  let start = 3;
  for (let i = 3; i < type.length; i++) {
    const sign = type.charAt(i);
    if (sign === "-" && type.charAt(i + 1) === ">") i += 1;
    else if (sign === "(" || sign === "<" || sign === "{") depth += 1;
    else if (depth > 0 && (sign === ")" || sign === ">" || sign === "}")) depth -= 1;
    else if (depth === 0 && (sign === "," || sign === ")")) {
      if (i > start) params.push(type.slice(start, i).trim());
      start = i + 1;
      if (sign === ")") return { label: `${name}(${params.join(", ")})${type.slice(i + 1)}`, params };
    }
  }
  return { label: `${name}: ${type}`, params };
}

/** Returns source text that declares the referent: one line, or one line for each signature of a capability. */
export function headline(referent: Referent): string {
  switch (referent.kind) {
    case "local":
      return `${referent.local.isMutable ? "let mut " : ""}${referent.local.name}: ${showType(referent.local.type)}`;
    case "function":
      return functionSignature(referent.callable).label;
    case "builtin":
      return builtinSignature(referent.builtin.name, referent.builtin.type).label;
    case "capability":
      return (
        referent.capability.signatures.map((signature) => capabilitySignature(referent.capability, signature).label).join("\n") ||
        referent.capability.call
      );
    case "param":
      return referent.param.name;
    case "field":
      return `${referent.decl.name}${referent.variant === null ? "" : `::${referent.variant}`}.${referent.name}: ${showType(referent.type)}`;
    case "variant":
      return variantText(
        referent.decl.name,
        referent.decl.variants.find((variant) => variant.name === referent.name) ?? { name: referent.name, payload: null },
      );
    case "type":
      return typeText(referent.decl);
  }
}

type Decl = Extract<Referent, { readonly kind: "type" }>["decl"];

const fieldsText = (fields: readonly { readonly name: string; readonly type: CheckedType }[]): string =>
  fields.map(({ name, type }) => `${name}: ${showType(type)}`).join(", ");

function variantText(owner: string, { name, payload }: Decl["variants"][number]): string {
  const head = owner === "" ? name : `${owner}::${name}`;
  if (payload === null) return head;
  if (payload.kind === "single") return `${head}(${showType(payload.type)})`;
  const isPositional = payload.fields[0]?.name === "0";
  return isPositional
    ? `${head}(${payload.fields.map(({ type }) => showType(type)).join(", ")})`
    : `${head} { ${fieldsText(payload.fields)} }`;
}

export function typeText({ name, kind, params, fields, variants }: Decl): string {
  const head = `${name}${params.length === 0 ? "" : `<${params.map((param) => param.name).join(", ")}>`}`;
  return kind === "record"
    ? `type ${head} { ${fieldsText(fields)} }`
    : `enum ${head} { ${variants.map((variant) => variantText("", variant)).join(", ")} }`;
}

/** Returns further information about the referent as Markdown, or "". */
export function details(referent: Referent): string {
  if (referent.kind === "builtin") {
    const { doc, cost, example, exampleResult } = referent.builtin;
    return `${doc}\n\nSteps: ${cost}\n\n\`${example}\` is \`${exampleResult}\``;
  }
  if (referent.kind === "capability") return `${referent.capability.doc}\n\nA call is written \`${referent.capability.call}\`.`;
  return referent.kind === "function" ? (referent.callable.item?.intent ?? "") : "";
}

/** Returns the comment lines directly above an offset, without their `//`. */
export function commentAbove(text: string, offset: number): string {
  const lines: string[] = [];
  let end = text.lastIndexOf("\n", offset - 1);
  while (end > 0) {
    const start = text.lastIndexOf("\n", end - 1) + 1;
    const line = text.slice(start, end).trim();
    if (!line.startsWith("//")) break;
    lines.unshift(line.replace(/^\/+ ?/, ""));
    end = start - 1;
  }
  return lines.join("\n");
}
