/**
 * The uniqueness of a value, as a number that compiled code computes. That of a list is explained in `unique-lists.ts`. A record is unique if only
 * one local or operand refers to it. Its uniqueness is made of those of its fields. There are two forms:
 *
 *     narrow   2 bits for each of the first 15 fields: the uniqueness of the list in it
 *     wide     `WIDE` and 10 bits for each of at most three fields: the uniqueness of the list, or of a record with lists in its first
 *              five fields. For results such as `(token, parser)`
 *
 * A field with 0 may hold a value that something else refers to. An Option, a Result and an enum value have the uniqueness of the value inside.
 * So in each form, the low bits are the uniqueness of the first field.
 */
const WIDE = 2 ** 30;
const WIDE_BITS = 10;
const WIDE_MASK = 2 ** WIDE_BITS - 1;
const WIDE_FIELDS = 3;
const NARROW_FIELDS = 15;

/** Returns the uniqueness of a field as a part of the wide form. */
const wideField = (unique: number): number => (unique < WIDE ? unique & WIDE_MASK : 0);

/** Returns the uniqueness of the value in a field of a record. */
const uniqueField = (record: number, field: number): number =>
  record < WIDE ? (record >> (2 * field)) & 3 : (record >> (WIDE_BITS * field)) & WIDE_MASK;

/** Returns the uniqueness of a record after a field was set to a value with a uniqueness. */
const withUniqueField = (record: number, field: number, unique: number): number =>
  record < WIDE
    ? (record & ~(3 << (2 * field))) | ((unique & 3) << (2 * field))
    : (record & ~(WIDE_MASK << (WIDE_BITS * field))) | (wideField(unique) << (WIDE_BITS * field));

/** The functions that generated text uses. */
export const UNIQUENESS: Readonly<Record<string, (...args: number[]) => number>> = { wideField, uniqueField, withUniqueField };

/** Returns the text for the uniqueness of a field of a record. */
export const uniqueFieldText = (record: string, field: number): string =>
  record === "0" || field >= NARROW_FIELDS ? "0" : `uniqueField(${record}, ${field})`;

/** Returns the text for the uniqueness of a record after a field was set. */
export const withUniqueFieldText = (record: string, field: number, unique: string): string =>
  field >= NARROW_FIELDS ? record : `withUniqueField(${record}, ${field}, ${unique})`;

/** A field of a new record: the text for its uniqueness, and whether it is probably a list. */
interface NewField {
  readonly uniqueness: string;
  readonly isList: boolean;
}

/** Returns the text for the uniqueness of a new record. */
export function newRecordText(fields: readonly NewField[]): string {
  const isWide = fields.length <= WIDE_FIELDS && fields.some(({ uniqueness, isList }) => uniqueness !== "0" && !isList);
  const texts = fields.flatMap(({ uniqueness }, i) => {
    if (uniqueness === "0" || i >= NARROW_FIELDS) return [];
    return isWide ? [`(wideField(${uniqueness}) << ${WIDE_BITS * i})`] : [`((${uniqueness} & 3) << ${2 * i})`];
  });
  return texts.length === 0 ? "0" : [...(isWide ? [String(WIDE)] : []), ...texts].join(" | ");
}
