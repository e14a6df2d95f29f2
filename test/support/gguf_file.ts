/** @file Writes a model as a GGUF file of float32 tensors, as far as tests need it. Source: the specification in ggml's docs/gguf.md. */
import { writeFileSync } from "node:fs";
import type { HostTensor } from "gptlab";

const [U32, F32, STRING] = [4, 6, 8];
const ALIGNMENT = 32;

export const u32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
export const u64 = (value: number | bigint) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};
const f32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
};
export const text = (value: string) => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);
const padding = (length: number) => Buffer.alloc((ALIGNMENT - (length % ALIGNMENT)) % ALIGNMENT);

/** Whole numbers become unsigned integers, other numbers floats. */
export function writeGguf(
  path: string,
  metadata: Readonly<Record<string, string | number>>,
  tensors: ReadonlyMap<string, HostTensor>,
): void {
  const values = Object.entries(metadata).map(([key, value]) => {
    if (typeof value === "string") return Buffer.concat([text(key), u32(STRING), text(value)]);
    return Buffer.concat([
      text(key),
      Number.isInteger(value) ? u32(U32) : u32(F32),
      Number.isInteger(value) ? u32(value) : f32(value),
    ]);
  });
  const infos: Buffer[] = [];
  const data: Buffer[] = [];
  let offset = 0;
  for (const [name, { shape, data: numbers }] of tensors) {
    const bytes = Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength);
    infos.push(text(name), u32(shape.length), ...[...shape].reverse().map(u64), u32(0), u64(offset));
    data.push(bytes, padding(bytes.length));
    offset += bytes.length + padding(bytes.length).length;
  }
  const header = Buffer.concat([
    Buffer.from("GGUF"),
    u32(3),
    u64(tensors.size),
    u64(values.length),
    ...values,
    ...infos,
  ]);
  writeFileSync(path, Buffer.concat([header, padding(header.length), ...data]));
}
