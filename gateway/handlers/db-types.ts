/**
 * The JSON form of each PostgreSQL type. Databases send and receive every value as text, and this table converts it, so the
 * embedded database and a server give the same JSON in every time zone. `docs/guide/db-query.md` is made from the table.
 *
 * The texts are those of the session that `db-statement.ts` sets up: UTC, ISO dates and intervals, hexadecimal bytea.
 */
import { BorunaError } from "../../vm/error.ts";
import { Branch, foldTree, leaf } from "../../vm/json/fold.ts";
import { canonicalJson, isJsonArray, isJsonObject, parseJson, type JsonData } from "../../vm/json/json.ts";
import { valueToTypedJson } from "../../vm/json/typed-json.ts";
import { MACHINE_LIMITS } from "../../vm/limits.ts";
import { parseInt64 } from "../../vm/value/arithmetic.ts";
import { ListValue } from "../../vm/value/list.ts";
import { MapValue } from "../../vm/value/map.ts";
import { parseType, type Type } from "../../vm/value/type.ts";
import { FloatValue, UNIT, UnitValue, type Value } from "../../vm/value/value.ts";
import { CapabilityFailure } from "../handlers.ts";
import { arrayText, readArray } from "./db-arrays.ts";

/** Converts one type between PostgreSQL's text form and JSON. */
interface Conversion {
  /** The JSON form, for the docs. */
  readonly json: string;
  readonly read: (text: string) => Value;
  /** Returns the text of a parameter, or undefined if this JSON cannot be of the type. The database checks the text. */
  readonly write: (value: Value) => string | undefined;
}

/** A type of the table. `oid` is its object id in PostgreSQL's catalog (`pg_type.dat`), which never changes; `arrayOid` is that of its arrays. */
interface DbType extends Conversion {
  readonly name: string;
  readonly oid: number;
  readonly arrayOid: number | undefined;
  /** A text form, as an example for the docs and the tests. */
  readonly example: string;
}

const JSON_TYPE: Type = parseType("Json");

/** Returns the text of a scalar. PostgreSQL reads `NaN`, `Infinity` and an exponent in a number. */
function scalarText(value: Value): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "bigint" || typeof value === "boolean") return String(value);
  if (!(value instanceof FloatValue)) return undefined;
  return Object.is(value.value, -0) ? "-0" : String(value.value);
}

const TEXT: Conversion = { json: "String", read: (text) => text, write: scalarText };
const BOOL: Conversion = { json: "Bool", read: (text) => text === "t", write: scalarText };
const INT: Conversion = { json: "Int", read: (text) => parseInt64(text) ?? text, write: scalarText };
const FLOAT: Conversion = {
  json: 'Float; `"NaN"`, `"Infinity"` and `"-Infinity"` as a String',
  read: (text) => (Number.isFinite(Number(text)) ? new FloatValue(Number(text)) : text),
  write: scalarText,
};
const NUMERIC: Conversion = { ...TEXT, json: "String with all digits" };
const VOID: Conversion = { json: "null", read: () => UNIT, write: scalarText };

const TIMESTAMP_TEXT = /^([0-9]{4,}-[0-9]{2}-[0-9]{2}) ([0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?)$/;
const readTimestamp = (text: string): string => text.replace(TIMESTAMP_TEXT, "$1T$2");
const TIMESTAMP: Conversion = {
  json: 'String, ISO 8601 without a zone; `"infinity"` and years BC as PostgreSQL writes them',
  read: readTimestamp,
  write: scalarText,
};
const TIMESTAMPTZ: Conversion = {
  json: 'String, ISO 8601 in UTC; `"infinity"` and years BC as PostgreSQL writes them',
  read: (text) => {
    const withoutZone = text.replace(/\+00$/, "");
    const timestamp = readTimestamp(withoutZone);
    return timestamp === withoutZone ? text : `${timestamp}Z`;
  },
  write: scalarText,
};

const BYTEA: Conversion = {
  json: "String, base64 (RFC 4648, with padding)",
  read: (text) => Buffer.from(text.slice(2), "hex").toString("base64"),
  write: (value) => {
    if (typeof value !== "string") return undefined;
    const bytes = Buffer.from(value, "base64");
    return bytes.toString("base64") === value ? `\\x${bytes.toString("hex")}` : undefined;
  },
};

const JSON_TEXT: Conversion = {
  json: "the JSON itself; an integer beyond 64 bits is a Float",
  read: (text) => jsonValue(parseJson(text, { duplicateKeys: "last", maxDepth: MACHINE_LIMITS.valueDepth })),
  write: (value) => canonicalJson(valueToTypedJson(value, JSON_TYPE, [])),
};

/**
 * Converts parsed JSON to a Json value. jsonb prints 1e21 as an integer beyond 64 bits, which the machine's own conversion would refuse.
 */
const jsonValue = (root: JsonData): Value =>
  foldTree<JsonData, Value>(root, (data) => {
    if (data === null) return leaf(UNIT);
    if (isJsonArray(data)) return new Branch(data, (items) => ListValue.of(items));
    if (isJsonObject(data)) {
      const keys = [...data.keys()];
      return new Branch([...data.values()], (values) => MapValue.ofKeys(keys, values));
    }
    return leaf(typeof data === "bigint" && BigInt.asIntN(64, data) !== data ? new FloatValue(Number(data)) : data);
  });

const dbType = (name: string, oid: number, arrayOid: number | undefined, example: string, conversion: Conversion): DbType => ({
  name,
  oid,
  arrayOid,
  example,
  ...conversion,
});

export const DB_TYPES: readonly DbType[] = [
  dbType("bool", 16, 1000, "t", BOOL),
  dbType("int2", 21, 1005, "-32768", INT),
  dbType("int4", 23, 1007, "2147483647", INT),
  dbType("int8", 20, 1016, "9223372036854775807", INT),
  dbType("oid", 26, 1028, "4294967295", INT),
  dbType("float4", 700, 1021, "0.1", FLOAT),
  dbType("float8", 701, 1022, "0.30000000000000004", FLOAT),
  dbType("numeric", 1700, 1231, "12345678901234567890.10", NUMERIC),
  dbType("money", 790, 791, "$1.50", { ...TEXT, json: "String, as the database's `lc_monetary` writes it" }),
  dbType("text", 25, 1009, "Grüße", TEXT),
  dbType("varchar", 1043, 1015, "a", TEXT),
  dbType("bpchar", 1042, 1014, "a", TEXT),
  dbType("char", 18, 1002, "a", TEXT),
  dbType("name", 19, 1003, "a", TEXT),
  dbType("bytea", 17, 1001, "\\x00ff", BYTEA),
  dbType("json", 114, 199, '{"a": [1, 0.5, null]}', JSON_TEXT),
  dbType("jsonb", 3802, 3807, '{"a": [1, 0.5, null]}', JSON_TEXT),
  dbType("date", 1082, 1182, "2026-01-31", { ...TEXT, json: "String, ISO 8601" }),
  dbType("timestamp", 1114, 1115, "2026-01-31 12:00:00.123456", TIMESTAMP),
  dbType("timestamptz", 1184, 1185, "2026-01-31 12:00:00.123456+00", TIMESTAMPTZ),
  dbType("time", 1083, 1183, "12:00:00.123456", TEXT),
  dbType("timetz", 1266, 1270, "12:00:00+02", TEXT),
  dbType("interval", 1186, 1187, "P1DT2H3M4.5S", { ...TEXT, json: "String, ISO 8601" }),
  dbType("uuid", 2950, 2951, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", TEXT),
  dbType("inet", 869, 1041, "192.0.2.1/24", TEXT),
  dbType("cidr", 650, 651, "192.0.2.0/24", TEXT),
  dbType("macaddr", 829, 1040, "08:00:2b:01:02:03", TEXT),
  dbType("bit", 1560, 1561, "1", TEXT),
  dbType("varbit", 1562, 1563, "101", TEXT),
  dbType("int4range", 3904, 3905, "[1,5)", TEXT),
  dbType("int8range", 3926, 3927, "[1,5)", TEXT),
  dbType("numrange", 3906, 3907, "[1.5,2.5)", TEXT),
  dbType("daterange", 3912, 3913, "[2026-01-31,2026-02-01)", TEXT),
  dbType("tsrange", 3908, 3909, '["2026-01-31 12:00:00","2026-01-31 13:00:00")', TEXT),
  dbType("tstzrange", 3910, 3911, '["2026-01-31 12:00:00+00","2026-01-31 13:00:00+00")', TEXT),
  dbType("void", 2278, undefined, "", VOID),
];

/** Any other type: PostgreSQL's text form. */
export const OTHER_TYPE: Conversion = { ...TEXT, json: "String, as PostgreSQL writes it" };

const BY_OID: ReadonlyMap<number, DbType> = new Map(DB_TYPES.map((type) => [type.oid, type]));
const BY_ARRAY_OID: ReadonlyMap<number, DbType> = new Map(
  DB_TYPES.flatMap((type) => (type.arrayOid === undefined ? [] : [[type.arrayOid, type] as const])),
);

/**
 * Converts the text of a column's value. `text` is null for NULL, which becomes JSON null. Throws `CapabilityFailure` for JSON that a value
 * of the type `Json` cannot hold.
 */
export function readValue(text: string | null, oid: number, column: string): Value {
  if (text === null) return UNIT;
  try {
    const elementType = BY_ARRAY_OID.get(oid);
    return elementType === undefined ? (BY_OID.get(oid) ?? OTHER_TYPE).read(text) : readArray(text, elementType.read);
  } catch (error) {
    if (!(error instanceof BorunaError)) throw error;
    throw new CapabilityFailure(`the column ${JSON.stringify(column)} cannot be read: ${error.message}. Select it as text, with ::text`);
  }
}

/**
 * Returns the text of parameter `number` (from 1), whose type is `oid`, or null for NULL. Throws `CapabilityFailure` if this JSON cannot be
 * of the type.
 */
export function parameterText(value: Value, oid: number, number: number): string | null {
  if (value instanceof UnitValue) return null;
  const elementType = BY_ARRAY_OID.get(oid);
  const type = BY_OID.get(oid);
  // An element of an array of json or jsonb (114, 3802) may be a JSON array, so a List inside the List is an element there.
  const text =
    elementType !== undefined && value instanceof ListValue
      ? arrayText(value, elementType.write, { nests: elementType.oid !== 114 && elementType.oid !== 3802 })
      : (type ?? OTHER_TYPE).write(value);
  if (text !== undefined) return text;
  const typeName = elementType === undefined ? (type?.name ?? `type ${oid}`) : `${elementType.name}[]`;
  throw new CapabilityFailure(`parameter ${number} is ${kindOf(value)}, which ${typeName} does not take. ${hintFor(value, type)}`);
}

function hintFor(value: Value, type: DbType | undefined): string {
  if (type?.name === "bytea") return "Write bytes as base64 text";
  return value instanceof ListValue || value instanceof MapValue
    ? `Cast the parameter in the statement: $1::jsonb${value instanceof ListValue ? ", or $1::text[] for an array" : ""}`
    : "docs/guide/db-query.md lists what each type takes";
}

function kindOf(value: Value): string {
  if (value instanceof ListValue) return "a List";
  if (value instanceof MapValue) return "an object";
  return typeof value === "string" ? "such a String" : "such a value";
}
