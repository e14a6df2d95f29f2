/** @file The table of what was forgotten and gained: by hand, and what it refuses. Its equality with the chapter's is tested there. */
import { forgettingTable } from "gptlab";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("forgettingTable");
const before = { speeches: 2, novel: 3, code: 4 };
const naive = { speeches: 2.5, novel: 3.5, code: 2 };
const replay = { code: 2.5, novel: 2.75, speeches: 2.25 }; // in another order; one old domain profits

test("changes, what is forgotten on average, what is gained, and the share of the first run's gain", () => {
  assert.equal(forgettingTable(before, { naive, replay }, { newDomain: "code" }), [
    { run: "naive", changes: { speeches: 0.5, novel: 0.5, code: -2 }, forgotten: 0.5, gained: 2, kept: 1 },
    { run: "replay", changes: { speeches: 0.25, novel: -0.25, code: -1.5 }, forgotten: 0, gained: 1.5, kept: 0.75 },
  ]);
});

test("a domain that a run lacks, no old domain, no new one and no run are refused by name", () => {
  const { novel: _, ...without } = replay;
  assert.throws(
    () => forgettingTable(before, { naive, replay: without }, { newDomain: "code" }),
    /"replay" has none for novel/,
  );
  assert.throws(() => forgettingTable({ code: 4 }, { naive }, { newDomain: "code" }), /at least one old one/);
  assert.throws(() => forgettingTable(before, { naive }, { newDomain: "law" }), /needs the new domain "law"/);
  assert.throws(() => forgettingTable(before, {}, { newDomain: "code" }), /at least one run/);
});

test.run();
