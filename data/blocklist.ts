/**
 * @file Words that the course does not put in front of a learner: slurs and the coarsest sexual words of English.
 *
 * They stand here as hashes, so that nobody reads them by opening this file. This hides them from the eye, it does not keep
 * them secret: who tries a word finds out whether it is listed. To look whether a word is listed, or to make a new line:
 * `node -p 'require("crypto").createHash("sha256").update("word").digest("hex").slice(0, 10)'` (in lower case).
 * No list is complete, and a word that is listed has harmless uses too (an animal, a plant): those entries are lost with it.
 */
import { createHash } from "node:crypto";

const HASHES = new Set(
  `
  0018842878 0033728f0f 00ce4714af 0249b1b302 02e24ee9fe 044eb98b18 04b9d389c6 0515b9e67e 05b71b9303 066e6872d9 06a1d8bf7f
  07bda1cfb8 08a841e996 093b7636b2 09616d58d5 09cc1b93ce 0a07895e53 0b4341fafa 0be9b885f4 0c5964a092 0c64f3ba82 0ce875d620
  0d335db1f7 0dcc4d3364 0f28c4960d 0fd9eae081 118418653f 11cf8376a1 11ee63a73f 120f6e5b4e 13895a3b5c 15551266fa 1600725e92
  16e11f6f50 16ea09fc78 171ee4d3a3 17a110e533 17bde8b406 18d0f9c28d 1adc8217a0 1b83044895 1c4bfd100a 1dc96d8650 1e02eec4f1
  1ffb2913d3 22fc75e65a 245c20d383 2506e49bd7 262f86db0a 26578569a2 267463e5e3 268651b3ec 27a62b6817 27eb0c4ad7 2944474a2c
  2d84fef55b 2da888fb5e 2df52de1ed 2f5f6ce5ae 30a989afc8 31506a8448 3175bf0638 321cf2e66d 32bac578d6 333f761809 33740da8a8
  33b9a12f47 341d56384a 36683a3742 37b57d5556 3974b16dad 3af112eacd 3b1e0d7c5d 3cb6a563b3 3e202af265 3fc350919b 3ff9947148
  402f7ebd98 4140197ec7 41b4d5e856 42c2ecf3a2 43508b5c03 448b303c89 457f002f92 45cd3e1bb4 45fb7c3b72 46505206c3 469c0fdb60
  470dd24587 4753d01249 49764bce30 49d3bc1476 4dc9418555 4e8a200044 517ae3f732 522788b65f 565ed74643 566f532d48 5a9d9dcefb
  5b3ae48be1 60bb8db610 6122fdf4ae 619bc82e0d 622cff82a5 63333e4b5d 63bd9333b1 6437ea7144 64e3bea3ea 64fab7987c 6556c1a584
  6628813cef 665cb762e3 67b00a61dc 6939937b0a 693ee9961b 69f6251dd5 6a1434eef9 6ac3c336e4 6b571f65fa 6b95d47887 6ccffa4977
  6cfcdedf54 6d1833779e 6dbe0f85a0 701033ae26 70d415fea7 7122c9a14b 732b31eea9 74dcfbc208 754bbfd107 77ccd22350 7bc671151c
  7c28a8e09b 7c4a5c242b 7c686cf2ae 7cfc9425c5 7dc7079a7c 7e176c4f23 7e2638e2d7 7e85c676fd 7ea82ce2b3 82159dd028 82d243e857
  83270a9a9c 83621b34ec 83bd72f7a1 85266837df 85580f9044 85fc17f706 87d1690e74 886d51e97a 89133bc00e 8a7f0572f6 8c5c043913
  8f5083e3e5 92a9bf818e 9320f7d84c 937d56e497 94a2b576a9 94c6d2e10a 95895782e1 958ce5c321 986c990041 98b52c4b6b 9915ba2d82
  9ae315a94e 9ce65878c9 9d57436661 9ee4d27487 a40ccba874 a4f58f5d51 a73048a261 a7847e3627 a78a7c503f a7bf072c97 a9852f42b4
  ac3180d2bc ac5682c281 acc96930e3 acd9193a33 ad412adb49 ad64e56f21 ad6cacf3af af52163e45 b1381e5b2d b2a7d488cf b3cec2f6ec
  b690cdbe59 b81d6dc258 b9a365c4d2 bb61ef4081 bb87adf8aa bbf8bb7863 bcd1642bca bdb1cc258d be00f1af52 c0d86b61de c151edfcf4
  c1b4ed0539 c2c3b68b48 c3de533e9b c709d1a287 c70e3e7c47 c74677aba3 c837b883c3 cb95e63570 cc02032349 cd2eb0837c ce094c5d62
  ce20df7259 cf63173304 d0e3cb91d2 d11215a13d d1b2dec28a d43f4ff13e d751137f9b d75a838dc7 d95b1fc785 da88439262 dac40f30b6
  daec0c235d db6d521e3d dcb50ee365 dd92623b0a de569a7f68 df0cd45871 df736257aa e273db21d1 e388b89852 e3fe12c0f8 e7282d82ac
  e7b98c6aa5 e9e8b6c5af eaa439c297 ebeb0df359 ece5141c9b eda887476f ee5a869b5a eea2991640 eedf47083d eee5cb6601 eef3bd0916
  ef6e97ba7f f0a67995cb f1a5fb5607 f50c51ed23 f5923c873e f6805441bc f7c51ee5c8 f9d0d9b18a
  `
    .trim()
    .split(/\s+/),
);

const known = new Map<string, boolean>();

function isListed(word: string): boolean {
  let listed = known.get(word);
  if (listed === undefined) {
    listed = HASHES.has(createHash("sha256").update(word).digest("hex").slice(0, 10));
    known.set(word, listed);
  }
  return listed;
}

/** Whether one of the words of a text is on the list; a word with hyphens counts as a whole and by its parts. */
export function hasListedWord(text: string): boolean {
  const words = text.toLowerCase().match(/[a-z]+(?:-[a-z]+)*/g) ?? [];
  return words.some((word) => isListed(word) || (word.includes("-") && word.split("-").some(isListed)));
}
