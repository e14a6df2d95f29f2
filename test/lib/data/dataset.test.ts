import * as fc from "fast-check";
import { BpeTokenizer, CharTokenizer, gpt2Tokenizer, TokenDataset } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { skip } from "../../support/skip.ts";
import { noVerdict, readVerdict } from "../../support/verdict.ts";

const test = suite("TokenDataset");
const counting = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

test("at() gives windows whose targets are the ids one place on", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 12 }),
      fc.nat(60),
      (blockSize, stride, rest) => {
        const ids = counting(blockSize + 1 + rest).map((id) => id * 7);
        const data = new TokenDataset(ids, { blockSize, stride });
        for (let i = 0; i < data.length; i++) {
          assert.equal([...data.at(i).ids], ids.slice(i * stride, i * stride + blockSize));
          assert.equal([...data.at(i).targets], ids.slice(i * stride + 1, i * stride + blockSize + 1));
        }
        assert.ok(data.length * stride + blockSize + 1 > ids.length, "another window would have fitted");
      },
    ),
  );
});

test("the windows of book and library agree: 4,612 and 534 tokens are 18 and 2 windows of 256", () => {
  assert.is(new TokenDataset(new Uint16Array(4612), { blockSize: 256 }).length, 18);
  assert.is(new TokenDataset(new Uint16Array(534), { blockSize: 256 }).length, 2);
});

test("the windows overlap when the stride is smaller than the block", () => {
  const data = new TokenDataset(counting(11), { blockSize: 8, stride: 2 });
  assert.is(data.length, 2);
  assert.equal([...data.at(1).ids], [2, 3, 4, 5, 6, 7, 8, 9]);
});

test("tokens take 2 bytes while the ids fit", () => {
  assert.instance(new TokenDataset([0, 65535], { blockSize: 1 }).tokens, Uint16Array);
  assert.instance(new TokenDataset([0, 65536], { blockSize: 1 }).tokens, Uint32Array);
  assert.equal([...new TokenDataset([0, 4294967295], { blockSize: 1 }).tokens], [0, 4294967295]);
});

test("at() gives copies", () => {
  const data = new TokenDataset([1, 2, 3], { blockSize: 2 });
  data.at(0).ids.fill(9);
  assert.equal([...data.at(0).ids], [1, 2]);
});

test("fromText() puts the separator after each text, as its own id", () => {
  const tokenizer = BpeTokenizer.train(["ab"], { vocabSize: 258, specialTokens: ["<|end|>"] });
  const data = TokenDataset.fromText(tokenizer, ["a", "<|end|>b"], { blockSize: 2, separator: "<|end|>" });
  assert.equal([...data.tokens], [...tokenizer.encode("a"), 0, ...tokenizer.encode("<|end|>b"), 0]);
  assert.equal([...data.tokens].filter((id) => id === 0).length, 2);
  assert.instance(data.tokens, Uint16Array);
});

test("fromText() takes a stream of many texts, with and without a separator", () => {
  const tokenizer = CharTokenizer.train("abcdefghij");
  function* texts(): Generator<string> {
    for (let i = 0; i < 3000; i++) yield "abcdefghij".slice(0, i % 11);
  }
  const data = TokenDataset.fromText(tokenizer, texts(), { blockSize: 4, stride: 1 });
  assert.is(tokenizer.decode(data.tokens), [...texts()].join(""));
});

test("TokenDataset refuses what gives no window, and indices that it does not have", () => {
  assert.throws(() => new TokenDataset([1, 2], { blockSize: 2 }), /needs 3 ids, but found 2/);
  assert.throws(
    () => new TokenDataset([1, 2, 3], { blockSize: 0 }),
    /blockSize that is an integer of at least 1, but found 0/,
  );
  assert.throws(() => new TokenDataset([1, 2, 3], { blockSize: 1, stride: 0 }), /stride/);
  assert.throws(() => new TokenDataset([1, -1], { blockSize: 1 }), /ids\[1\] is -1/);
  const data = new TokenDataset([1, 2, 3], { blockSize: 1 });
  for (const index of [-1, 2, 0.5]) assert.throws(() => data.at(index), new RegExp(`from 0 to 1, but found ${index}`));
  const tokenizer = CharTokenizer.train("ab");
  assert.throws(() => TokenDataset.fromText(tokenizer, "ab", { blockSize: 1 }), /Write \[text\] instead of text/);
  assert.throws(
    () => TokenDataset.fromText(tokenizer, ["ab"], { blockSize: 1, separator: "<|end|>" }),
    /this tokenizer has none/,
  );
});

const verdict = readVerdict();
test(
  "The Verdict, cut at character 18,431, gives 18 and 2 windows of 256",
  verdict === undefined
    ? skip(noVerdict)
    : () => {
        const windows = (text: string): TokenDataset =>
          TokenDataset.fromText(gpt2Tokenizer(), [text], { blockSize: 256 });
        const [training, validation] = [windows(verdict.slice(0, 18431)), windows(verdict.slice(18431))];
        assert.equal([training.tokens.length, validation.tokens.length], [4612, 534]);
        assert.equal([training.length, validation.length], [18, 2]);
      },
);

test.run();
