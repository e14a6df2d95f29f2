/** @file The texts of a continued pretraining: the new domain, split into training and test, and the old domains. Shares and tokens are not decided here. */
import { isHeldOut, isTestText } from "../../data/heldout";
import { type Dataset, loadDataset } from "../../data/load";
import { loadText } from "../../data/owntext";
import { datasetNames } from "../../data/recipe";
import type { ProgressReporter } from "../../progress";
import type { Random } from "../../random";
import { type Domain, splitDomain } from "../corpus";

/** What is learnt, and what may be forgotten. */
export interface ContinuedDomains {
  readonly domain: Domain;
  readonly old: readonly Domain[];
}

/** The set whose held-out records are there to be learnt here: no base model has read them. */
const NEW_DOMAIN = "jsdoc";

/**
 * Splits the records of a new domain, English only, in a shuffled order: one text in twelve is for the test, and of other sets than
 * `jsdoc` also what is held out for ever.
 */
export function splitNewDomain(
  { name, licence, source, records }: Pick<Dataset, "name" | "licence" | "source" | "records">,
  random: Random,
): Domain {
  const english = records.filter(({ language }) => language === undefined || language === "en");
  const order = Array.from(random.fork(name).permutation(english.length), (i) => english[i]!);
  const isTest = (record: (typeof order)[number]): boolean =>
    isTestText(record.text) || (name !== NEW_DOMAIN && isHeldOut(name, record));
  return {
    name,
    licence,
    source,
    training: order.filter((record) => !isTest(record)),
    heldOut: order.filter(isTest),
  };
}

/**
 * The new domain, a data set of the course or a file or folder of your own, and those of the old domains that are not it.
 *
 * @throws Error if there is no such data set, file or folder; RangeError if its training or its test part is empty
 */
export async function loadContinuedDomains(
  name: string,
  old: readonly string[],
  random: Random,
  options: { onProgress?: ProgressReporter } = {},
): Promise<ContinuedDomains> {
  const known = datasetNames().includes(name);
  const domain = splitNewDomain(known ? await loadDataset(name, options) : await ownText(name), random);
  const [training, heldOut] = [domain.training.length, domain.heldOut.length];
  if (training === 0 || heldOut === 0)
    throw new RangeError(
      `The new domain needs texts to learn and texts for the test, but of ${training + heldOut} in "${name}" ${training} are to learn and ${heldOut} for the test. Give more and shorter texts, one a file or a line of JSONL`,
    );
  const domains: Domain[] = [];
  for (const one of old) if (one !== domain.name) domains.push(splitDomain(await loadDataset(one, options), random));
  return { domain, old: domains };
}

/** Your own text; paragraphs are records, so that there is something to hold out. */
async function ownText(path: string): Promise<Dataset> {
  return loadText(path, { splitAt: /\n{2,}/ }).catch((error: Error) => {
    throw new Error(`"${path}" is no data set of the course (${datasetNames().join(", ")}). ${error.message}`, {
      cause: error,
    });
  });
}
