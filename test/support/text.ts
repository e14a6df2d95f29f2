/** @file Random texts for property tests: every Unicode character can occur, and the ones that break tokenizers often do. */
import * as fc from "fast-check";

// Surrogates are no characters: the code points above them are moved up.
const anyCharacter = fc
  .integer({ min: 0, max: 0x10ffff - 0x800 })
  .map((code) => String.fromCodePoint(code < 0xd800 ? code : code + 0x800));

const troublesome = fc.constantFrom(
  ..." \t\n\r'’.,!0١½²Ⅷaeé", // plain, quotes, digits of three kinds, precomposed é
  "'s",
  "'ll",
  "'T",
  "  ",
  "\r\n",
  "e\u0301",
  "\u0085",
  "\u00a0",
  "\u200b",
  "\u200c",
  "\u2028",
  "\u3000",
  "\ufeff",
  "\u180e",
  "\u0000",
  "\u001c",
  "ا",
  "لّ",
  "می\u200cشود",
  "日本",
  "한",
  "हि",
  "🙂",
  "👩\u200d🔬",
  "🇨🇭",
  "\u{10ffff}",
  "\ufffd",
  "<|endoftext|>",
);

/** Any text without half surrogates. */
export const anyText: fc.Arbitrary<string> = fc
  .array(
    fc.oneof(
      { arbitrary: troublesome, weight: 3 },
      { arbitrary: anyCharacter, weight: 1 },
      fc.constantFrom("the", " of", "aa"),
    ),
    { maxLength: 30 },
  )
  .map((parts) => parts.join(""));
