/** @file The repository as a whole: what may be in it, exact versions, named dependencies, links and images that work. It reads tracked files only, so a learner's own files never fail it. */
import { existsSync, statSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { read, readNotebook, root, trackedFiles } from "../support/repository.ts";
import { skip } from "../support/skip.ts";

const TOP_LEVEL =
  "package.json package-lock.json tsconfig.json biome.json course.json README.md LICENSE CHANGELOG.md CONTRIBUTING.md Makefile chapters lib data solutions test tools bench docs examples studio .ci .gitignore .npmrc .gitattributes .editorconfig".split(
    " ",
  );
const MEGABYTE = 1024 * 1024;
const BINARY = /\.(png|jpe?g|gif|webp|ico|woff2?|safetensors|gguf|npz|zip|gz|tgz)$/;

const files = trackedFiles();
const test = suite("repository");
const tracked = (name: string, body: (files: readonly string[]) => void) =>
  test(name, files ? () => body(files) : skip("not a git repository"));
const none = (found: readonly string[], rule: string) =>
  assert.ok(found.length === 0, `${rule}:\n      ${found.join("\n      ")}\n`);
const isNotebook = (file: string) => file.endsWith(".ipynb");
/** A learner works in these notebooks: only their cells belong to the repository, not what those printed. */
const isLearners = (file: string) => /^chapters\/\w+\/.*\.ipynb$/.test(file);
const isMarkdown = (file: string) =>
  file.endsWith(".md") && !file.startsWith("chapters/src/prose/") && !file.startsWith("test/fixtures/");

/** The lines of a file that a pattern matches, as `file:line text`. */
function matches(file: string, pattern: RegExp): string[] {
  const text = isLearners(file)
    ? readNotebook(file)
        .map(({ source }) => source)
        .join("\n")
    : read(file);
  return text
    .split("\n")
    .flatMap((line, i) => (pattern.test(line) ? [`${file}:${i + 1} ${pattern.exec(line)?.[0].slice(0, 80)}`] : []));
}

tracked("only what is meant to be there stands at the top", (all) => {
  none(
    [...new Set(all.map((file) => file.split("/")[0]))].filter((entry) => !TOP_LEVEL.includes(entry)),
    "not among the entries of this test",
  );
});

tracked("no file is larger than 2 MB; the course's own models have 12", (all) => {
  const limit = (file: string) => (file.startsWith("data/models/") ? 12 : 2) * MEGABYTE;
  none(
    all.filter((file) => statSync(path.join(root, file)).size > limit(file)),
    "too large",
  );
});

tracked("no file names a package registry, a folder of somebody's machine, or a secret", (all) => {
  // Put together from parts, so that this file does not match.
  const hosts = [
    "npm" + "js",
    "py" + "pi\\.org",
    "python" + "hosted",
    "yarn" + "pkg",
    "ana" + "conda\\.org",
    "crates" + "\\.io",
  ].join("|");
  const folders = "(?<![\\w.])/(?:home|Users)/[a-z]\\w*/|(?<![\\w.])/(?:root|work)/\\w|[A-Z]:\\\\\\\\?Users\\\\";
  const secrets = [
    "AKIA[0-9A-Z]{16}",
    "gh[pousr]_[A-Za-z0-9]{30,}",
    "\\bhf_[A-Za-z0-9]{30,}",
    "\\bnpm_[A-Za-z0-9]{30,}",
    "-----BEGIN [A-Z ]*PRIVATE",
    "_auth" + "Token\\s*=",
  ].join("|");
  const pattern = new RegExp(`${hosts}|${folders}|${secrets}`);
  none(
    all.filter((file) => !BINARY.test(file)).flatMap((file) => matches(file, pattern)),
    "found",
  );
});

tracked("the lock file works behind any mirror: it has no addresses", () => {
  none(matches("package-lock.json", /"resolved": "[^"]*:\/\//), "addresses");
});

interface Manifest {
  readonly [kind: string]: Readonly<Record<string, string>> | undefined;
}
const KINDS = ["dependencies", "devDependencies", "optionalDependencies"];
const manifests = (all: readonly string[]) =>
  all
    .filter((file) => /(^|\/)package\.json$/.test(file))
    .map((file) => ({ file, manifest: JSON.parse(read(file)) as Manifest }));

tracked("every version of a dependency is exact", (all) => {
  const loose = manifests(all).flatMap(({ file, manifest }) =>
    KINDS.flatMap((kind) =>
      Object.entries(manifest[kind] ?? {}).flatMap(([name, version]) =>
        /^(npm:@?[\w./-]+@)?\d+\.\d+\.\d+(-[\w.]+)?$|^file:/.test(version) ? [] : [`${file}: ${name} ${version}`],
      ),
    ),
  );
  none(loose, "not exact");
});

tracked("every dependency has a row with its reason in the README, and no row is left over", (all) => {
  const table = /^#+ Dependencies\n([\s\S]*?)(?=^#|$(?![\s\S]))/m.exec(read("README.md"))?.[1] ?? "";
  const rows = table
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .slice(2)
    .map((line) => line.split("|").slice(1, 3));
  none(
    rows.filter(([, reason]) => !reason?.trim()).map(([names]) => names),
    "rows without a reason",
  );
  const named = new Set(rows.flatMap(([names]) => [...names.matchAll(/`([^`]+)`/g)].map(([, name]) => name)));
  const used = new Set(
    manifests(all).flatMap(({ manifest }) =>
      [...KINDS, "peerDependencies"].flatMap((kind) => Object.keys(manifest[kind] ?? {})),
    ),
  );
  used.delete("gptlab");
  none(
    [...used].filter((name) => !named.has(name)),
    "dependencies without a row",
  );
  none(
    [...named].filter((name) => !used.has(name)),
    "rows without a dependency",
  );
});

tracked("every test file runs its suite", (all) => {
  const tests = all.filter((file) => file.endsWith(".test.ts"));
  assert.ok(tests.length > 5);
  none(
    tests.filter((file) => !/\.run\(\);\s*(\}\s*)?$/.test(read(file))),
    "files that do not end in .run();",
  );
});

/** Prose without code: a link in an example is not a link. */
function prose(markdown: string): string {
  return markdown.replace(/^( *)(```|~~~)[\s\S]*?^\1\2/gm, "").replace(/`[^`\n]*`/g, (code) => " ".repeat(code.length));
}

/** Every piece of Markdown with the file whose folder its links start from. */
function markdownPieces(all: readonly string[]): { file: string; text: string }[] {
  const cells = (file: string) =>
    readNotebook(file).flatMap(({ kind, source }) => (kind === "markdown" ? [{ file, text: prose(source) }] : []));
  return all.flatMap((file) =>
    isNotebook(file) ? cells(file) : isMarkdown(file) ? [{ file, text: prose(read(file)) }] : [],
  );
}

/** The anchors of a Markdown file as GitHub makes them: lower case, punctuation gone, spaces to hyphens. */
function anchors(file: string): Set<string> {
  const heads = [...prose(read(file)).matchAll(/^#+ +(.*)$/gm)].map(([, head]) =>
    head.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1"),
  );
  return new Set(
    heads.map((head) =>
      head
        .trim()
        .toLowerCase()
        .replace(/[^\p{L}\p{M}\p{N}\s_-]/gu, "")
        .replace(/\s/g, "-"),
    ),
  );
}

tracked("every relative link in Markdown and in notebooks leads somewhere", (all) => {
  const broken = markdownPieces(all).flatMap(({ file, text }) => {
    const inline = [
      ...text.matchAll(/\]\(\s*<?([^)\s>]+)>?[^)]*\)/g),
      ...text.matchAll(/^\[[^\]]+\]:\s*(\S+)/gm),
      ...text.matchAll(/<(?:a|img)\b[^>]*?\b(?:href|src)="([^"]+)"/g),
    ];
    return inline.flatMap(([, target]) => {
      if (/^(https?|mailto|data|attachment):/.test(target)) return [];
      const [to, anchor] = decodeURI(target).split("#");
      const goal = to ? path.posix.join(path.posix.dirname(file), to) : file;
      if (!existsSync(path.join(root, goal))) return [`${file}: ${target}`];
      return anchor && goal.endsWith(".md") && !anchors(goal).has(anchor)
        ? [`${file}: ${target} (no such heading)`]
        : [];
    });
  });
  none(broken, "broken links");
});

tracked("every image says in words what it shows, in at most 250 characters", (all) => {
  const mute = markdownPieces(all).flatMap(({ file, text }) => {
    const images = [...text.matchAll(/!\[([^\]]*)\]\(([^)]*)\)/g)].map(([, alt, target]) => ({ alt, target }));
    const tags = [...text.matchAll(/<img\b[^>]*>/g)].map(([tag]) => ({
      alt: /\balt="([^"]*)"/.exec(tag)?.[1] ?? "",
      target: tag.slice(0, 60),
    }));
    return [...images, ...tags].flatMap(({ alt, target }) =>
      alt.trim() && [...alt].length <= 250 ? [] : [`${file}: ${target} (${[...alt].length} characters)`],
    );
  });
  none(mute, "images without a text alternative");
});

test("the lock file has every package that another one asks for, those of other platforms too", () => {
  interface Entry {
    dependencies?: Record<string, string>;
    optionalDependencies?: Record<string, string>;
  }
  const { packages } = JSON.parse(read("package-lock.json")) as {
    packages: Record<string, Entry>;
  };
  const found = (from: string, name: string): boolean => {
    for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("/")))) {
      if (`${folder}${folder && "/"}node_modules/${name}` in packages) return true;
      if (folder === "") return false;
    }
  };
  const missing = Object.entries(packages).flatMap(([place, { dependencies, optionalDependencies }]) =>
    Object.keys({ ...dependencies, ...optionalDependencies }).flatMap((name) =>
      found(place, name) ? [] : `${place || "package.json"} asks for ${name}`,
    ),
  );
  none(missing, "missing: npm ci would refuse the file");
});

test.run();
