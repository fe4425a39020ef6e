/** Records what the names in a file refer to, and the types of its expressions. Only a check for an editor has a name recorder. */
import type { BuiltinDecl } from "../vm/builtins/decl.ts";
import type { CapabilityDecl } from "../vm/capabilities.ts";
import type { Span } from "./ast.ts";
import type { CheckedType, TypeDecl } from "./check-types.ts";
import type { Callable, Local } from "./ir.ts";
import type { ParamType } from "./rows.ts";

/** What a name in the text refers to. */
export type Referent =
  /** For a captured binding in a lambda, `local` is a copy of the binding with the same span. */
  | { readonly kind: "local"; readonly local: Local }
  | { readonly kind: "function"; readonly callable: Callable }
  | { readonly kind: "builtin"; readonly builtin: BuiltinDecl }
  | { readonly kind: "capability"; readonly capability: CapabilityDecl }
  | { readonly kind: "type"; readonly decl: TypeDecl }
  | { readonly kind: "param"; readonly param: ParamType }
  /** `variant` is the variant that has the field; null if a record has it. */
  | { readonly kind: "field"; readonly decl: TypeDecl; readonly variant: string | null; readonly name: string; readonly type: CheckedType }
  | { readonly kind: "variant"; readonly decl: TypeDecl; readonly name: string };

export interface RecordedName {
  readonly span: Span;
  readonly referent: Referent;
}

export class NameRecorder {
  readonly names: RecordedName[] = [];
  /** The types of expressions. */
  readonly types: { readonly span: Span; readonly type: CheckedType }[] = [];
  /** The bindings that each block declares. A binding can be used from its own end to the end of the block. */
  readonly scopes: { readonly span: Span; readonly locals: readonly Local[] }[] = [];

  addName(span: Span, referent: Referent): void {
    this.names.push({ span, referent });
  }

  addType(span: Span, type: CheckedType): void {
    this.types.push({ span, type });
  }

  addScope(span: Span, locals: readonly Local[]): void {
    if (locals.length > 0) this.scopes.push({ span, locals });
  }
}
