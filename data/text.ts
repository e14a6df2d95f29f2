/** @file Small pure functions that several recipes use to clean text. Nothing here reads files. */

/** Order by code units: the same on every machine, whatever its language setting. */
export function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The entries of a map of files, in the order of their names. */
export function sortedFiles(files: ReadonlyMap<string, string>): [string, string][] {
  return [...files].sort(([a], [b]) => byCodeUnits(a, b));
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: " ",
  copy: "©",
  reg: "®",
  trade: "™",
  hellip: "…",
  ndash: "–",
  mdash: "—",
  lsquo: "‘",
  rsquo: "’",
  ldquo: "“",
  rdquo: "”",
  bull: "•",
  middot: "·",
  eacute: "é",
  pound: "£",
  cent: "¢",
};

/** `"&lt;b&gt; &#65;"` → `"<b> A"`; an entity that is not in the short list stays as it is. */
export function decodeEntities(text: string): string {
  return text.replace(
    /&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,6}));?/gi,
    (whole, decimal?: string, hex?: string, name?: string) => {
      if (name !== undefined) return ENTITIES[name] ?? ENTITIES[name.toLowerCase()] ?? whole;
      const code = decimal !== undefined ? Number(decimal) : Number.parseInt(hex ?? "", 16);
      if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return whole;
      return code < 32 ? " " : String.fromCodePoint(code);
    },
  );
}

/** Text of an HTML page: scripts, styles, comments and tags go; a block becomes a line of its own; entities are decoded. */
export function stripHtml(html: string): string {
  const text = html
    .replace(/<!--[\s\S]*?(?:-->|$)/g, "")
    .replace(/<(script|style|head|title)\b[\s\S]*?(?:<\/\1\s*>|$)/gi, " ")
    .replace(/<\/?(?:p|div|br|tr|table|li|ul|ol|h[1-6]|hr|blockquote|center|body|form)\b[^>]*>/gi, "\n")
    .replace(/<\/?[a-z!?][^>]*(?:>|$)/gi, "");
  return decodeEntities(text);
}

/** Makes line ends `\n`, drops control characters and spaces at line ends, and keeps at most one blank line in a row. */
export function tidy(text: string): string {
  return (
    text
      .replace(/\r\n?/g, "\n")
      .replace(/[\u00a0\t]/g, " ")
      // biome-ignore lint/suspicious/noControlCharactersInRegex: removing them is the point
      .replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\ufeff\ufffd]/g, "")
      .replace(/ {2,}/g, " ")
      .replace(/ *\n */g, "\n")
      .replace(/\n{3,}/g, "\n\n")
      .trim()
  );
}

/** Keeps the first of those items that have the same key. */
export function deduplicate<T>(items: readonly T[], key: (item: T) => string): T[] {
  const seen = new Set<string>();
  return items.filter((item) => {
    const size = seen.size;
    return seen.add(key(item)).size > size;
  });
}
