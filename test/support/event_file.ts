/** @file Reads TensorBoard's event files as TensorBoard does, checksums and restarts included. It shares nothing with the writer. */
import { readFileSync } from "node:fs";

type Field = { readonly number: number; readonly value: bigint | Buffer };

/** CRC-32C bit by bit, masked. */
function checksum(bytes: Buffer): number {
  let crc = 0xffffffffn;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ 0x82f63b78n : crc >> 1n;
  }
  crc ^= 0xffffffffn;
  const turned = ((crc >> 15n) | (crc << 17n)) & 0xffffffffn;
  return Number((turned + 0xa282ead8n) & 0xffffffffn);
}

function* fields(message: Buffer): Generator<Field> {
  let at = 0;
  const varint = (): bigint => {
    for (let value = 0n, shift = 0n; ; shift += 7n) {
      const byte = message[at++]!;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const key = Number(varint());
    const kind = key & 7;
    if (kind === 0) yield { number: key >> 3, value: varint() };
    else {
      const length = kind === 2 ? Number(varint()) : kind === 1 ? 8 : 4;
      yield { number: key >> 3, value: message.subarray(at, at + length) };
      at += length;
    }
  }
}

/** Step → value of every tag. Files in the order of their names; a restart makes the steps from there on forgotten. */
export function readScalars(files: readonly (string | Buffer)[]): Map<string, Map<number, number>> {
  const tags = new Map<string, Map<number, number>>();
  for (const file of files) {
    const bytes = typeof file === "string" ? readFileSync(file) : file;
    for (let at = 0; at + 12 <= bytes.length; ) {
      const length = Number(bytes.readBigUInt64LE(at));
      if (at + 16 + length > bytes.length) break; // cut by a kill: no more in this file
      const event = bytes.subarray(at + 12, at + 12 + length);
      if (bytes.readUInt32LE(at + 8) !== checksum(bytes.subarray(at, at + 8))) throw new Error("checksum of a length");
      if (bytes.readUInt32LE(at + 12 + length) !== checksum(event)) throw new Error("checksum of an event");
      at += 16 + length;
      readEvent(event, tags);
    }
  }
  return tags;
}

function readEvent(event: Buffer, tags: Map<string, Map<number, number>>): void {
  let step = 0;
  for (const { number, value } of fields(event)) {
    if (number === 2) step = Number(value);
    if (number === 7)
      for (const steps of tags.values()) for (const key of steps.keys()) if (key >= step) steps.delete(key);
    if (number !== 5) continue;
    for (const { value: entry } of fields(value as Buffer)) {
      let tag = "";
      for (const part of fields(entry as Buffer)) {
        if (part.number === 1) tag = String(part.value);
        if (part.number !== 2) continue;
        if (!tags.has(tag)) tags.set(tag, new Map());
        tags.get(tag)!.set(step, (part.value as Buffer).readFloatLE());
      }
    }
  }
}
