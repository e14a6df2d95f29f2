/** @file What a model has forgotten and what it has gained by learning something new, as a table. The scores themselves come from perplexity.ts. */

/** Bits per byte of each domain by name. */
export type DomainBits = Readonly<Record<string, number>>;

/** What one run did to the domains. */
export interface ForgettingRow {
  readonly run: string;
  /** After minus before, of each domain: above 0 is worse. */
  readonly changes: DomainBits;
  /** Mean change over the old domains, each with the same weight. */
  readonly forgotten: number;
  /** Before minus after in the new domain. */
  readonly gained: number;
  /** `gained` as a share of what the first run gained; 1 for the first run itself. */
  readonly kept: number;
}

/**
 * Compares runs that began with the same model: what each has forgotten of the old domains, and what it has gained in the new one.
 * All domains of `before` but the new one are old.
 *
 * @param runs scores after each run; the first, usually the one without replay, is what `kept` refers to
 * @throws RangeError if there is no run, no old domain, or a run lacks a domain
 * @example
 * import { forgettingTable } from "gptlab";
 * const before = { speeches: 2, novel: 3, code: 4 };
 * const runs = { naive: { speeches: 2.5, novel: 3.5, code: 2 }, replay: { speeches: 2.25, novel: 3, code: 2.5 } };
 * const [naive, replay] = forgettingTable(before, runs, { newDomain: "code" });
 * [naive.forgotten, naive.gained, naive.kept]; // => [0.5, 2, 1]
 * [replay.forgotten, replay.gained, replay.kept]; // => [0.125, 1.5, 0.75]
 */
export function forgettingTable(
  before: DomainBits,
  runs: Readonly<Record<string, DomainBits>>,
  { newDomain }: { newDomain: string },
): ForgettingRow[] {
  const names = Object.keys(before);
  const old = names.filter((name) => name !== newDomain);
  if (old.length === 0 || old.length === names.length)
    throw new RangeError(
      `forgettingTable() needs the new domain "${newDomain}" and at least one old one, but found ${names.join(", ") || "none"}`,
    );
  const rows = Object.entries(runs).map(([run, after]) => {
    const missing = names.filter((name) => !Number.isFinite(after[name]));
    if (missing.length > 0)
      throw new RangeError(
        `forgettingTable() needs a score of each domain, but the run "${run}" has none for ${missing.join(", ")}`,
      );
    const changes = Object.fromEntries(names.map((name) => [name, (after[name] as number) - (before[name] as number)]));
    const forgotten = old.reduce((sum, name) => sum + (changes[name] as number), 0) / old.length;
    return { run, changes, forgotten, gained: -(changes[newDomain] as number) };
  });
  const first = rows[0];
  if (!first) throw new RangeError("forgettingTable() needs the scores of at least one run, but found none");
  return rows.map((row) => ({ ...row, kept: row.gained / first.gained }));
}
