import * as fc from "fast-check";
import {
  BYTE_CHARACTERS,
  BYTES_IN_ID_ORDER,
  bytesFromPrintable,
  printableFromBytes,
  splitUtf8,
  utf8Decode,
  utf8Encode,
} from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { anyText } from "../../support/text.ts";

const test = suite("bytes");
const anyBytes = fc.uint8Array({ maxLength: 40 });

test("BYTE_CHARACTERS are 256 different characters, and the well-known ones", () => {
  assert.is(new Set(BYTE_CHARACTERS).size, 256);
  const known: [number, string][] = [
    [0, "Ā"],
    [10, "Ċ"],
    [32, "Ġ"],
    [33, "!"],
    [127, "ġ"],
    [160, "ł"],
    [161, "¡"],
    [173, "Ń"],
    [255, "ÿ"],
  ];
  for (const [byte, character] of known) assert.is(BYTE_CHARACTERS[byte], character, String(byte));
});

test("BYTES_IN_ID_ORDER begins with the visible bytes and ends with the renamed ones", () => {
  assert.equal(BYTES_IN_ID_ORDER.slice(0, 3), [33, 34, 35]);
  assert.equal(BYTES_IN_ID_ORDER.slice(188, 190), [0, 1]);
  assert.is(BYTES_IN_ID_ORDER.at(-1), 173);
  assert.is(new Set(BYTES_IN_ID_ORDER).size, 256);
});

test("bytesFromPrintable() undoes printableFromBytes()", () => {
  fc.assert(fc.property(anyBytes, (bytes) => assert.equal(bytesFromPrintable(printableFromBytes(bytes)), bytes)));
});

test("bytesFromPrintable() gives undefined for a character that is no byte", () => {
  assert.is(bytesFromPrintable("a b"), undefined);
  assert.is(bytesFromPrintable("日"), undefined);
});

test("utf8Decode() undoes utf8Encode(), byte order mark included", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      assert.is(utf8Decode(utf8Encode(text)), text);
      assert.is(utf8Decode(utf8Encode(`\ufeff${text}`)), `\ufeff${text}`);
    }),
  );
});

test("utf8Encode() gives U+FFFD for half of a surrogate pair", () => {
  assert.equal([...utf8Encode("\ud83d")], [0xef, 0xbf, 0xbd]);
});

test("splitUtf8() gives the bytes back, and only valid runs as text", () => {
  const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const valid = (bytes: Uint8Array): boolean => {
    try {
      return strict.decode(bytes) !== undefined;
    } catch {
      return false;
    }
  };
  // bytes near the edges of UTF-8, where random bytes rarely land
  const edge = fc.constantFrom(
    0x41,
    0x7f,
    0x80,
    0x9f,
    0xa0,
    0xbf,
    0xc1,
    0xc2,
    0xe0,
    0xed,
    0xef,
    0xf0,
    0x8f,
    0x90,
    0xf4,
    0xf5,
    0xff,
  );
  const edgeBytes = fc.array(edge, { maxLength: 12 }).map((bytes) => Uint8Array.from(bytes));
  fc.assert(
    fc.property(fc.oneof(anyBytes, edgeBytes), (bytes) => {
      const runs = splitUtf8(bytes);
      assert.equal(
        runs.flatMap((run) => [...run.bytes]),
        [...bytes],
      );
      for (const [i, run] of runs.entries()) {
        assert.is(run.text !== undefined, valid(run.bytes), printableFromBytes(run.bytes));
        if (run.text !== undefined) assert.equal(utf8Encode(run.text), run.bytes);
        if (i > 0) assert.is.not(run.text === undefined, runs[i - 1]!.text === undefined);
      }
    }),
    { numRuns: 500 },
  );
});

test.run();
