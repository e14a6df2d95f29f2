/** @file The texts of the base model: what it learns from, and what is held out to measure it. Tokens and shares are not decided here. */
import { isHeldOut } from "../data/heldout";
import { type Dataset, loadDataset } from "../data/load";
import type { DataRecord } from "../data/recipe";
import type { ProgressReporter } from "../progress";
import type { Random } from "../random";

/** One domain. */
export interface Domain {
  readonly name: string;
  readonly licence: string;
  readonly source: string;
  /** Documents to learn from; none where the whole domain is held out. */
  readonly training: readonly DataRecord[];
  readonly heldOut: readonly DataRecord[];
}

/** The data sets of the base model; `jsdoc` only measures it. */
const DOMAINS = ["sotu", "wordnet", "moby-dick", "chatterbot", "jsdoc"] as const;

/** Sets in which neighbours say nearly the same; they are shuffled. */
const SHUFFLED = new Set<string>(["wordnet", "chatterbot", "jsdoc"]);

/** Splits records by `isHeldOut`; sets of many small records are shuffled. English only. */
export function splitDomain(
  { name, licence, source, records }: Pick<Dataset, "name" | "licence" | "source" | "records">,
  random: Random,
): Domain {
  const english = records.filter(({ language }) => language === undefined || language === "en");
  const order = SHUFFLED.has(name)
    ? Array.from(random.fork(name).permutation(english.length), (i) => english[i]!)
    : english;
  return {
    name,
    licence,
    source,
    training: order.filter((record) => !isHeldOut(name, record)),
    heldOut: order.filter((record) => isHeldOut(name, record)),
  };
}

/** All domains, from the cache or fetched. */
export async function loadDomains(random: Random, options: { onProgress?: ProgressReporter } = {}): Promise<Domain[]> {
  const domains: Domain[] = [];
  for (const name of DOMAINS) domains.push(splitDomain(await loadDataset(name, options), random));
  return domains;
}
