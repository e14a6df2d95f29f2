import * as fc from "fast-check";
import { splitSpecial } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("special tokens");

test("splitSpecial() takes the leftmost, and the longest at one place", () => {
  const parts = splitSpecial("x<|a|><|a|>b|>y", ["<|a|>", "<|a|>b|>", "<|"]);
  assert.equal(parts, [
    { text: "x", special: false },
    { text: "<|a|>", special: true },
    { text: "<|a|>b|>", special: true },
    { text: "y", special: false },
  ]);
});

test("splitSpecial() reads pattern characters as themselves", () => {
  const odd = ["[a-z]+", "(.)", "$^", "a|b", "\\d", "{2}", "/", "?*"];
  for (const token of odd) {
    assert.equal(splitSpecial(`x${token}x`, odd), [
      { text: "x", special: false },
      { text: token, special: true },
      { text: "x", special: false },
    ]);
  }
});

test("splitSpecial() gives all of the text back", () => {
  const piece = fc.constantFrom<string[]>("<|a|>", "<|", "a", " ", "\n", "🙂");
  fc.assert(
    fc.property(
      fc.array(piece).map((parts) => parts.join("")),
      fc.uniqueArray(piece),
      (text, tokens) => {
        assert.is(
          splitSpecial(text, tokens)
            .map((segment) => segment.text)
            .join(""),
          text,
        );
        for (const segment of splitSpecial(text, tokens)) {
          if (segment.special) assert.ok(tokens.includes(segment.text));
          else assert.ok(!tokens.some((token) => segment.text.includes(token)));
        }
      },
    ),
  );
});

test("splitSpecial() gives nothing for no text", () => {
  assert.equal(splitSpecial("", []), []);
  assert.equal(splitSpecial("", ["a"]), []);
});

test.run();
