/** @file docs/reading.md is true: it names every module in the order of the imports, and files that are about as long as it says. */
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { read, root } from "../support/repository.ts";

const source = path.join(root, "lib/src");
const guide = read("docs/reading.md");
const code = (text: string) => Array.from(text.matchAll(/`([^`]+)`/g), ([, name = ""]) => name);
/** The entries of lib/src that each row of the table is about, in its order. */
const rows = guide
  .split("\n")
  .filter((line) => line.startsWith("| `"))
  .map((line) => code(line.split("|")[1] ?? "").map((name) => name.replace(/\/$|\.ts$/, "")));
const rowOf = (entry: string) => rows.findIndex((names) => names.includes(entry));

const test = suite("docs/reading.md");

test("the table has each module once", () => {
  const entries = readdirSync(source).map((name) => name.replace(/\.ts$/, ""));
  assert.equal(rows.flat().sort(), entries.sort());
});

test("its order is that of the imports", () => {
  const wrong = readdirSync(source, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => name.split(path.sep).join("/"))
    .flatMap((file) => {
      const text = read(`lib/src/${file}`);
      const targets = Array.from(text.matchAll(/(?:from|import\() ?"(\.[^"]*)"/g), ([, to = ""]) =>
        path.posix.join(path.posix.dirname(file), to),
      );
      const entry = (name: string) => name.split("/")[0]!.replace(/\.(js|ts)$/, "");
      return targets.filter((to) => rowOf(entry(to)) > rowOf(entry(file))).map((to) => `${file} imports ${to}`);
    });
  assert.equal(wrong, []);
});

test("a file has as many lines as it says, to within 25 or a quarter", () => {
  const claims = guide.split("\n").flatMap((line) =>
    Array.from(line.matchAll(/(?:`([\w/]+\.ts)`|the file) \((\d+) lines\)/g), ([, name, lines]) => ({
      file: name ?? code(line)[0]!,
      said: Number(lines),
    })),
  );
  assert.ok(claims.length >= 40, `${claims.length} found`);
  const wrong = claims.flatMap(({ file, said }) => {
    if (!existsSync(path.join(source, file))) return [`${file} does not exist`];
    const lines = read(`lib/src/${file}`).trimEnd().split("\n").length;
    return Math.abs(lines - said) <= Math.max(25, said / 4) ? [] : [`${file} has ${lines} lines, not ${said}`];
  });
  assert.equal(wrong, []);
});

test.run();
