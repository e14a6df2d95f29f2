/** @file Markdown for right-to-left readers: prose runs from the right, code and formulas keep running from the left. Authors write plain Markdown. */
import { direction, type Language } from "./registry";

/** Code blocks, displayed maths and inline maths: odd pieces of a split by this are left as they are. */
const KEPT = /(^ *```[\s\S]*?^ *```[ \t]*$|\$\$[\s\S]*?\$\$|\$[^$\n]+\$)/m;

/**
 * Sets Markdown in the direction of its language. English is returned as it is.
 *
 * Blank lines around the content keep it Markdown inside HTML. Inline code becomes `<code dir="ltr">`, because inside
 * right-to-left text `a[0]++` would otherwise be shown as `++a[0]`. Names with a hyphen stay on one line.
 */
export function setDirection(markdown: string, language: Language): string {
  if (direction(language) === "ltr") return markdown;
  const body = markdown
    .split(new RegExp(KEPT, "gm"))
    .map((piece, i) =>
      i % 2 === 0
        ? wholeNames(leftToRightCode(piece))
        : /^\s*```/.test(piece)
          ? `<div dir="ltr">\n\n${piece}\n\n</div>`
          : piece,
    )
    .join("");
  return wrap(body, language);
}

/** English inside a right-to-left notebook: set left to right. */
export function setEnglish(markdown: string): string {
  return wrap(markdown, "en");
}

function wrap(body: string, language: Language): string {
  return `<div dir="${direction(language)}" lang="${language}">\n\n${body}\n\n</div>`;
}

function leftToRightCode(prose: string): string {
  return prose.replace(/(?<!`)(`+)(?!`)((?:(?!\1)[^\n])+)\1(?!`)/g, (_, _ticks: string, code: string) => {
    const escaped = code.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
    return `<code dir="ltr">${escaped.replace(/[*_|$\\[\]]/g, (sign) => `&#${sign.charCodeAt(0)};`)}</code>`;
  });
}

/** What is not prose in Markdown with inline code already set: code, addresses, tags. */
const NOT_PROSE = /(<code\b.*?<\/code>|\]\([^)]*\)|https?:\/\/\S+|<[^>]*>)/;

function wholeNames(prose: string): string {
  return prose
    .split(NOT_PROSE)
    .map((piece, i) => (i % 2 === 0 ? unbroken(piece) : piece))
    .join("");
}

/**
 * Latin names with a hyphen, such as GPT-2, for right-to-left text. Where a browser breaks a line after a plain hyphen, it shows the
 * hyphen on the wrong side of the name; after this one it does not break.
 */
export function unbroken(text: string): string {
  return text.replace(/(?<=[A-Za-z0-9])-(?=[A-Za-z0-9])/g, "\u2011");
}

/** The inline code and the maths of a text, sorted: equal in every translation of it. */
export function codeAndMaths(markdown: string): string[] {
  const prose = markdown.replace(/^ *```[\s\S]*?^ *```[ \t]*$/gm, (block) => `\`${block.trim()}\``);
  return (prose.match(/`[^`]+`|\$\$[\s\S]*?\$\$|\$[^$\n]+\$/g) ?? []).map((piece) => piece.replace(/\s+/g, " ")).sort();
}
