/**
 * Encodes the payload of the process context: an OpenTelemetry `Resource` in protobuf (OTEP 4719, an OpenTelemetry enhancement proposal).
 * The attributes `threadlocal.…` tell readers that the process publishes thread contexts, and in which layout (OTEP 4947).
 */

/** The name of the layout that today's readers know. OTEP 4947 will rename it when the layout is stable. */
const SCHEMA = "tlsdesc_v1_dev";

/** Numbers of the fields in opentelemetry/proto/resource/v1 and common/v1. */
const RESOURCE_ATTRIBUTES = 1;
const KEY = 1;
const VALUE = 2;
const STRING_VALUE = 1;
const ARRAY_VALUE = 5;

/** Returns the payload. Omits the name of the service if it is unknown. */
export function processContext(serviceName: string | undefined): Uint8Array {
  return Buffer.concat([
    ...(serviceName === undefined ? [] : [attribute("service.name", text(serviceName))]),
    attribute("threadlocal.schema_version", text(SCHEMA)),
    // Records have no attributes, so the list of their names is empty.
    attribute("threadlocal.attribute_key_map", field(ARRAY_VALUE, Buffer.alloc(0))),
  ]);
}

const text = (value: string): Buffer => field(STRING_VALUE, Buffer.from(value));

const attribute = (name: string, value: Buffer): Buffer =>
  field(RESOURCE_ATTRIBUTES, Buffer.concat([field(KEY, Buffer.from(name)), field(VALUE, value)]));

/** Encodes a length-delimited field, such as a message or a text. */
function field(number: number, content: Buffer): Buffer {
  const LENGTH_DELIMITED = 2;
  return Buffer.concat([Buffer.from([(number << 3) | LENGTH_DELIMITED, ...varint(content.length)]), content]);
}

function varint(value: number): readonly number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)];
}
