/** @file Level 1: text as bytes, and GPT-2's way to spell any byte as one printable character. No merging here. */

/**
 * The printable character of each byte. A byte that is a visible Latin-1 character stands for itself;
 * the other 68 take the characters from U+0100 on, so the space is "Ġ" and the line feed "Ċ".
 *
 * Source: `bytes_to_unicode` of OpenAI's GPT-2 `encoder.py`.
 *
 * @example
 * import { BYTE_CHARACTERS } from "gptlab";
 * BYTE_CHARACTERS[65]; // => "A"
 * BYTE_CHARACTERS[32]; // => "Ġ"
 */
export const BYTE_CHARACTERS: readonly string[] = spellBytes();

const BYTE_OF_CHARACTER: ReadonlyMap<string, number> = new Map(
  BYTE_CHARACTERS.map((character, byte) => [character, byte]),
);

/** The bytes 0 to 255 ordered by the code point of their character: the order of the first 256 ids of GPT-2. */
export const BYTES_IN_ID_ORDER: readonly number[] = [...BYTE_OF_CHARACTER.keys()]
  .sort()
  .map((character) => BYTE_OF_CHARACTER.get(character)!);

/**
 * The UTF-8 bytes of a text. Half of a surrogate pair is no character; it becomes U+FFFD.
 *
 * @example
 * import { utf8Encode } from "gptlab";
 * Array.from(utf8Encode("é")); // => [195, 169]
 */
export function utf8Encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/**
 * The text of UTF-8 bytes. Bytes that are not UTF-8 become U+FFFD; a byte order mark is kept.
 *
 * @example
 * import { utf8Decode } from "gptlab";
 * utf8Decode(Uint8Array.of(195, 169)); // => "é"
 */
export function utf8Decode(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

/**
 * Spells bytes with one printable character each.
 *
 * @example
 * import { printableFromBytes, utf8Encode } from "gptlab";
 * printableFromBytes(utf8Encode(" é")); // => "ĠÃ©"
 */
export function printableFromBytes(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += BYTE_CHARACTERS[byte]!;
  return text;
}

/**
 * The bytes that a printable spelling stands for; `undefined` when a character of it stands for no byte.
 *
 * @example
 * import { bytesFromPrintable } from "gptlab";
 * Array.from(bytesFromPrintable("Ġ!") ?? []); // => [32, 33]
 */
export function bytesFromPrintable(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const byte = BYTE_OF_CHARACTER.get(text[i]!);
    if (byte === undefined) return undefined;
    bytes[i] = byte;
  }
  return bytes;
}

/**
 * Cuts bytes into the longest runs that are whole UTF-8 characters and the runs between them that are not.
 *
 * @example
 * import { splitUtf8 } from "gptlab";
 * splitUtf8(Uint8Array.of(65, 255, 66)).map((run) => run.text ?? Array.from(run.bytes)); // => ["A", [255], "B"]
 */
export function splitUtf8(bytes: Uint8Array): { readonly bytes: Uint8Array; readonly text: string | undefined }[] {
  const runs: { bytes: Uint8Array; text: string | undefined }[] = [];
  let start = 0;
  let valid = true;
  const close = (end: number): void => {
    const run = bytes.subarray(start, end);
    if (end > start) runs.push({ bytes: run, text: valid ? utf8Decode(run) : undefined });
    start = end;
  };
  for (let i = 0; i < bytes.length; ) {
    const length = characterLength(bytes, i);
    if (length > 0 !== valid) {
      close(i);
      valid = length > 0;
    }
    i += Math.max(1, length);
  }
  close(bytes.length);
  return runs;
}

/** Bytes of the UTF-8 character that starts at `at`; 0 when none does. */
function characterLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  if (first < 0x80) return 1;
  const length =
    first >= 0xc2 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xf0 && first < 0xf5 ? 4 : 0;
  if (length === 0 || at + length > bytes.length) return 0;
  const second = bytes[at + 1]!;
  if (first === 0xe0 && second < 0xa0) return 0; // could be spelt shorter
  if (first === 0xed && second >= 0xa0) return 0; // half of a surrogate pair
  if (first === 0xf0 && second < 0x90) return 0; // could be spelt shorter
  if (first === 0xf4 && second >= 0x90) return 0; // above U+10FFFF
  for (let i = at + 1; i < at + length; i++) if ((bytes[i]! & 0xc0) !== 0x80) return 0;
  return length;
}

function spellBytes(): string[] {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const visible = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad);
    return String.fromCharCode(visible ? byte : next++);
  });
}
