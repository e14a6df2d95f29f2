/** @file Event files as TensorBoard reads them: records of protocol buffers, scalars only. TensorFlow's own writer works on one engine; this one needs none. */

/** One scalar: its tag ("train/loss") and value. */
export type Scalars = Readonly<Record<string, number>>;

const VARINT = 0;
const DOUBLE = 1;
const BYTES = 2;
const FLOAT = 5;

/** Seven bits at a time, the lowest first; numbers up to 2^53. */
function varint(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) + 128);
  }
}

function field(number: number, kind: typeof BYTES, content: Uint8Array): Buffer;
function field(number: number, kind: typeof VARINT | typeof DOUBLE | typeof FLOAT, content: number): Buffer;
function field(number: number, kind: number, content: number | Uint8Array): Buffer {
  const key = varint(number * 8 + kind);
  if (typeof content !== "number") return Buffer.concat([Buffer.from([...key, ...varint(content.length)]), content]);
  if (kind === VARINT) return Buffer.from([...key, ...varint(content)]);
  const value = Buffer.alloc(kind === DOUBLE ? 8 : 4);
  if (kind === DOUBLE) value.writeDoubleLE(content);
  else value.writeFloatLE(content);
  return Buffer.concat([Buffer.from(key), value]);
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1; // Castagnoli
  return crc;
});

/** CRC-32C, rotated and shifted as in TFRecord files, so that a checksum of checksums is not 0. */
function maskedCrc(bytes: Uint8Array): Buffer {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (CRC_TABLE[(crc ^ byte) & 255] as number) ^ (crc >>> 8);
  crc = ~crc >>> 0;
  const masked = Buffer.alloc(4);
  masked.writeUInt32LE((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0);
  return masked;
}

/** Length, checksum of the length, event, checksum of the event. */
function record(event: Buffer): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(event.length));
  return Buffer.concat([length, maskedCrc(length), event, maskedCrc(event)]);
}

/** What an event file begins with. With `step`, a reader forgets what earlier files say of that step and those after it. */
export function fileHead(seconds: number, step?: number): Buffer {
  const time = field(1, DOUBLE, seconds);
  const version = record(Buffer.concat([time, field(3, BYTES, Buffer.from("brain.Event:2"))]));
  if (step === undefined) return version;
  const start = field(1, VARINT, 1); // SessionLog.START
  return Buffer.concat([version, record(Buffer.concat([time, field(2, VARINT, step), field(7, BYTES, start)]))]);
}

/**
 * The scalars of one step as a record.
 * Source: `event.proto` and `summary.proto` of TensorBoard; the record format of `tf.io.TFRecordWriter`.
 *
 * @param seconds since 1970, for the time axis
 */
export function scalarRecord(seconds: number, step: number, scalars: Scalars): Buffer {
  const values = Object.entries(scalars).map(([tag, value]) => {
    const fields = [field(1, BYTES, Buffer.from(tag, "utf8")), field(2, FLOAT, value)];
    return field(1, BYTES, Buffer.concat(fields));
  });
  const parts = [field(1, DOUBLE, seconds), field(2, VARINT, step), field(5, BYTES, Buffer.concat(values))];
  return record(Buffer.concat(parts));
}
