import { PersistentList } from "./persistent-list.ts";
import type { Trie } from "./trie.ts";
import type { Value } from "./value.ts";

/** A List of the language: a persistent list of values. */
export type ListValue = PersistentList<Value>;

/** The static members of `PersistentList`, with `Value` as the type of the elements. */
interface ListClass extends Function {
  readonly prototype: ListValue;
  readonly EMPTY: ListValue;
  of(items: Value[]): ListValue;
  fromTrie(trie: Trie<Value>, offset: number, length: number): ListValue;
  isList(value: object): value is PersistentList<unknown>;
}
export const ListValue: ListClass = PersistentList;
