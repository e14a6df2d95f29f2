/** @file From a raw e-mail (RFC 822, with its MIME parts) to its subject, the names in its headers and its readable text. */
import { decodeEntities, stripHtml } from "../text";

/** What is kept of one mail before masking. */
export interface Mail {
  readonly subject: string;
  /** Names of people as they stand in the headers, such as `Ada Lovelace`. */
  readonly people: readonly string[];
  readonly body: string;
}

/** Headers by lower-case name; a folded header is one line again, and one that comes twice is joined by a comma. */
function parseHeaders(block: string): Map<string, string> {
  const headers = new Map<string, string>();
  for (const line of block.replace(/\n[ \t]+/g, " ").split("\n")) {
    const [, name, value] = /^([\w-]+):[ \t]*(.*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) continue;
    const key = name.toLowerCase();
    headers.set(key, headers.has(key) ? `${headers.get(key)}, ${value}` : value);
  }
  return headers;
}

/** `"caf=E9=\n s"` → `"café s"` as bytes: one character a byte (RFC 2045, section 6.7). */
export function decodeQuotedPrintable(text: string): string {
  return text
    .replace(/=[ \t]*\n/g, "")
    .replace(/=([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** The characters of Windows-1252 for the bytes 0x80 to 0x9f. (TextDecoder is not used: Node 20 and 24 differ.) */
const WINDOWS_1252 = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ";

/** Bytes, one character each, to text: UTF-8 when the mail says so, else Windows-1252, which holds all of Latin-1. */
function decodeCharset(bytes: string, charset: string): string {
  if (/^utf-?8$/i.test(charset)) return Buffer.from(bytes, "latin1").toString("utf8");
  return bytes.replace(/[\x80-\x9f]/g, (byte) => WINDOWS_1252[byte.charCodeAt(0) - 0x80] ?? byte);
}

/** `"=?iso-8859-1?Q?caf=E9?="` → `"café"` (RFC 2047); a base64 word is dropped like a base64 part. */
function decodeEncodedWords(header: string): string {
  return header.replace(
    /=\?([^?]*)\?([bq])\?([^?]*)\?=(?:\s+(?==\?))?/gi,
    (_, charset: string, encoding: string, word: string) =>
      encoding.toLowerCase() === "q" ? decodeCharset(decodeQuotedPrintable(word.replace(/_/g, " ")), charset) : "",
  );
}

const MAX_DEPTH = 5; // parts inside parts; real mail has two or three

/** The readable text of a mail or of one of its parts: plain text rather than its HTML twin, nothing of base64 and attachments. */
function readPart(raw: string, depth = 0): string {
  const end = raw.search(/\n[ \t]*\n/);
  const headers = parseHeaders(end < 0 ? raw : raw.slice(0, end));
  const body = end < 0 ? "" : raw.slice(end).replace(/^\n[ \t]*\n/, "");
  const type = headers.get("content-type") ?? "text/plain";
  const boundary = /boundary="?([^";\s]+[^";]*)"?/i.exec(type)?.[1]?.trim();

  if (/^\s*multipart\//i.test(type) && boundary !== undefined && depth < MAX_DEPTH) {
    const parts = `\n${body}`
      .split(`\n--${boundary}`)
      .slice(1)
      .filter((part) => !part.startsWith("--"));
    const texts = parts.map((part) => ({
      html: /^[\s\S]{0,300}?content-type:\s*text\/html/i.test(part),
      text: readPart(part.replace(/^[^\n]*\n/, ""), depth + 1),
    }));
    const plain = texts.filter((part) => !part.html && part.text.trim() !== "");
    return (plain.length > 0 ? plain : texts).map((part) => part.text).join("\n\n");
  }
  const encoding = (headers.get("content-transfer-encoding") ?? "").trim().toLowerCase();
  if (
    !/^\s*text\b/i.test(type) ||
    encoding === "base64" ||
    /attachment/i.test(headers.get("content-disposition") ?? "")
  )
    return "";
  const bytes = encoding === "quoted-printable" ? decodeQuotedPrintable(body) : body;
  const text = decodeCharset(bytes, /charset="?([\w-]+)/i.exec(type)?.[1] ?? "");
  return /text\/html/i.test(type) || /<(?:html|body|table|font|p|br)\b[^>]*>/i.test(text)
    ? stripHtml(text)
    : decodeEntities(text);
}

/** Lines that a mail repeats from another mail, or that a program wrote. */
const NOT_OWN = [
  /^\s{0,8}(?:[>|}]|\w{1,12}>|\+>)/, // a quoted line
  /^.{0,120}\b(?:wrote|writes|said|schrieb)\s?:?\s*$/i, // who is quoted
  /^\s*-{3,}.*\b(?:original|forwarded) message/i,
  /^\s*(?:from|to|cc|sent|date|message-id|subject|reply-to|mime-version|content-[\w-]+|received|x-[\w-]+)\s?:/i, // headers of a forwarded mail
  /^-----BEGIN PGP SIGNED|^Hash: \w+$/,
];

/** Keeps what the writer wrote: no quoted lines, no signature, no footer of a mailing list. */
function ownLines(body: string): string {
  const lines = body.replace(/\r\n?/g, "\n").split("\n");
  const signature = lines.findIndex((line) => /^(?:- )?-- ?$|^-----BEGIN PGP SIGNATURE/.test(line));
  let kept = (signature < 0 ? lines : lines.slice(0, signature)).filter(
    (line) => !NOT_OWN.some((pattern) => pattern.test(line)),
  );
  for (let footers = 0; footers < 3; footers++) {
    const rule = kept.map((line) => /^\s*[_=~-]{20,}/.test(line)).lastIndexOf(true);
    if (rule > 0 && kept.length - rule < 15) kept = kept.slice(0, rule);
  }
  return kept.join("\n");
}

/** Reads a raw mail, given with one character for each byte. */
export function readMail(raw: string): Mail {
  const text = raw.replace(/\r\n?/g, "\n").replace(/^From [^\n]*\n/, "");
  const headers = parseHeaders(text.slice(0, Math.max(text.search(/\n[ \t]*\n/), 0)));
  const subject = decodeEncodedWords(headers.get("subject") ?? "")
    .replace(/\[[^\]]{1,30}\]/g, " ") // the tag of a mailing list would give the label away
    .replace(/^(?:\s*(?:re|fwd?|aw)(?:\[\d+\])?\s*:)+/i, "");
  const people = ["from", "to", "cc", "reply-to", "sender"].flatMap((name) =>
    decodeEncodedWords(headers.get(name) ?? "")
      .split(/[,;]/)
      .map((address) =>
        address
          .replace(/<[^>]*>?/g, " ")
          .replace(/\S*@\S*/g, " ")
          .replace(/["()']/g, " ")
          .trim(),
      )
      .filter((person) => person !== ""),
  );
  return { subject, people, body: ownLines(readPart(text)) };
}
