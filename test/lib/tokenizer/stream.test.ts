import * as fc from "fast-check";
import { BpeTokenizer, CharTokenizer, gpt2Tokenizer, TextStream } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { anyText } from "../../support/text.ts";

const test = suite("TextStream");
const bytes = BpeTokenizer.train([], { vocabSize: 257, specialTokens: ["<|end|>"] });

test("TextStream gives what decode() gives, for any ids", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(256), { maxLength: 40 }), (ids) => {
      const stream = new TextStream(bytes);
      const shown = ids.map((id) => stream.push(id));
      assert.is(shown.join("") + stream.end(), bytes.decode(ids));
    }),
    { numRuns: 500 },
  );
});

test("TextStream shows each character as soon as it is whole, and never half of one", () => {
  fc.assert(
    fc.property(anyText, (any) => {
      const text = any.replaceAll("\ufffd", ""); // it looks like an unfinished character and waits for the next id
      const stream = new TextStream(bytes);
      let shown = "";
      for (const character of text) {
        for (const id of bytes.encode(character)) {
          const news = stream.push(id);
          assert.ok(news === "" || news === character, JSON.stringify(news));
          shown += news;
        }
        assert.ok(shown.endsWith(character));
      }
      assert.is(shown, text);
    }),
  );
});

test("TextStream works with GPT-2 and with characters", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      for (const tokenizer of [gpt2Tokenizer(), CharTokenizer.train(text)]) {
        const stream = new TextStream(tokenizer);
        const shown = tokenizer.encode(text).map((id) => stream.push(id));
        assert.is(shown.join("") + stream.end(), text);
      }
    }),
  );
});

test("end() shows a character that never became whole, and starts afresh", () => {
  const stream = new TextStream(bytes);
  const [first = 0] = bytes.encode("é");
  assert.is(stream.push(first), "");
  assert.is(stream.end(), "\ufffd");
  assert.is(stream.end(), "");
  assert.equal(
    bytes.encode("aé").map((id) => stream.push(id)),
    ["a", "", "é"],
  );
});

test.run();
