/** @file The rules every file of lib/src keeps: import order, size, header, no `any`, no hidden randomness or printing, docs on all that is public. */
import { execFileSync } from "node:child_process";
import ts from "typescript";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { importsOf, openLibrary, placeOf, resolveImport, sourceFolder, walk } from "../support/library.ts";
import { root } from "../support/repository.ts";

/** A file imports from its own row and the rows above it. A row names the entries of lib/src that stand on one level. */
const ORDER = [
  ["progress", "interrupt", "random", "whole_file", "alive", "lock"],
  ["tf", "backend", "setup"],
  ["ops"],
  ["compile"],
  ["loop"],
  ["nn"],
  ["files"],
  ["hub"],
  ["tokenizer"],
  ["data"],
  ["statistics"],
  ["plot"],
  ["model"],
  ["generate"],
  ["optim", "schedule"],
  ["train"],
  ["finetune"],
  ["rlhf"],
  ["evaluate"],
  ["pretrain"],
  ["index"],
  ["course"],
  ["cli"],
] as const;
const LONGEST_FILE = 300;
const MAY_PRINT = ["course", "cli"];

const { program, checker, files } = openLibrary();
const names = new Set(files.keys());
const rowOf = (file: string) => ORDER.findIndex((row) => (row as readonly string[]).includes(file.split(/[/.]/)[0]));
const graph = new Map(
  [...files].map(([name, file]) => [name, importsOf(file).flatMap((to) => resolveImport(name, to, names) ?? [])]),
);

const test = suite("rules of the library");
const none = (found: readonly string[], rule: string) =>
  assert.ok(found.length === 0, `${rule}:\n      ${found.join("\n      ")}\n`);

/** Every place where `wrong` is true for a node. */
function places(wrong: (node: ts.Node) => boolean, allowed: (file: string) => boolean = () => false): string[] {
  const found: string[] = [];
  for (const [name, file] of files) {
    if (!allowed(name))
      walk(file, (node) => {
        if (wrong(node)) found.push(`${placeOf(node)} ${node.getText().split("\n")[0].slice(0, 80)}`);
      });
  }
  return found;
}

test("the library is read whole", () => {
  assert.ok(files.size > 10 && names.has("index.ts"), `only ${files.size} files found in ${sourceFolder}`);
});

test("every file has a place in the import order, and imports from above only", () => {
  const homeless = [...names].filter((name) => rowOf(name) < 0).map((name) => `${name} is not in ORDER of this test`);
  const upward = [...graph].flatMap(([from, targets]) =>
    targets.filter((to) => rowOf(to) > rowOf(from) || !names.has(to)).map((to) => `${from} → ${to}`),
  );
  none([...homeless, ...upward], "against the order");
});

test("no file imports itself by a detour", () => {
  const state = new Map<string, "open" | "done">();
  const cycles: string[] = [];
  const visit = (file: string, trail: readonly string[]) => {
    if (state.get(file) === "open") cycles.push([...trail.slice(trail.indexOf(file)), file].join(" → "));
    if (state.has(file)) return;
    state.set(file, "open");
    for (const next of graph.get(file) ?? []) visit(next, [...trail, file]);
    state.set(file, "done");
  };
  for (const file of names) visit(file, []);
  none(cycles, "cycles");
});

test(`no file is longer than ${LONGEST_FILE} lines`, () => {
  const lines = (file: ts.SourceFile) => file.getLineStarts().length - 1;
  none(
    [...files].filter(([, file]) => lines(file) > LONGEST_FILE).map(([name, file]) => `${name}: ${lines(file)}`),
    "too long",
  );
});

test("every file opens with a sentence that says what it is", () => {
  none(
    [...files].filter(([, file]) => !/^\/\*\*\s+(\* )?@file \S.{20,}/.test(file.text)).map(([name]) => name),
    "no /** @file … */ in the first line",
  );
});

test("no type is any: not written, not inherited from an untyped value", () => {
  none(
    places((node) => node.kind === ts.SyntaxKind.AnyKeyword),
    "any is written",
  );
  const declares = (node: ts.Node): node is ts.NamedDeclaration =>
    ts.isVariableDeclaration(node) ||
    ts.isParameter(node) ||
    ts.isBindingElement(node) ||
    ts.isPropertyDeclaration(node) ||
    ts.isPropertySignature(node) ||
    ts.isPropertyAssignment(node);
  const isAny = (type: ts.Type) => (type.flags & ts.TypeFlags.Any) !== 0;
  none(
    places(
      (node) =>
        declares(node) && node.name?.kind === ts.SyntaxKind.Identifier && isAny(checker.getTypeAtLocation(node.name)),
    ),
    "any is inferred: say the type, or `unknown`",
  );
  const returnsAny = (node: ts.Node) => {
    const signature =
      ts.isFunctionLike(node) && !ts.isFunctionTypeNode(node) ? checker.getSignatureFromDeclaration(node) : undefined;
    return signature !== undefined && isAny(checker.getReturnTypeOfSignature(signature));
  };
  none(places(returnsAny), "a function returns any");
});

test("no randomness but the one that is handed in", () => {
  none(
    places((node) => ts.isPropertyAccessExpression(node) && node.getText() === "Math.random"),
    "Math.random",
  );
});

test("only the command line and the course print", () => {
  const prints = (node: ts.Node) =>
    ts.isPropertyAccessExpression(node) && /^(console\.\w+|process\.(stdout|stderr)\.write)$/.test(node.getText());
  none(
    places(prints, (file) => MAY_PRINT.includes(file.split("/")[0])),
    "prints",
  );
});

test("no check is switched off and nothing is left to do", () => {
  const found = [...files].flatMap(([name, file]) =>
    file.text
      .split("\n")
      .flatMap((line, i) =>
        /@ts-(ignore|nocheck|expect-error)|\b(TODO|FIXME|XXX)\b/.test(line) ? [`${name}:${i + 1} ${line.trim()}`] : [],
      ),
  );
  none(found, "@ts-… or a note to self");
});

test("everything public has a sentence of documentation; functions and classes have an example", () => {
  const missing: string[] = [];
  for (const entry of ["index.ts", "course/index.ts"]) {
    const file = files.get(entry);
    const module = file && checker.getSymbolAtLocation(file);
    if (!module) {
      missing.push(`${entry} has no exports`);
      continue;
    }
    for (const exported of checker.getExportsOfModule(module)) {
      const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
      const where = symbol.declarations?.[0] ? placeOf(symbol.declarations[0]) : entry;
      if (!symbol.getDocumentationComment(checker).length) missing.push(`${where} ${exported.name}: no docstring`);
      const runs = symbol.flags & (ts.SymbolFlags.Function | ts.SymbolFlags.Class);
      if (runs && !symbol.getJsDocTags(checker).some((tag) => tag.name === "example"))
        missing.push(`${where} ${exported.name}: no @example`);
    }
  }
  none(missing, "public names");
});

test("no declaration that a user reads needs the types of another package", () => {
  const written = new Map<string, string>();
  const keep = (file: string, text: string) => {
    if (file.endsWith(".d.ts")) written.set(file.replace(/^.*\/lib\/dist\//, "").replace(/\.d\.ts$/, ".ts"), text);
  };
  program.emit(undefined, keep, undefined, true);
  const open = ["index.ts", "course/index.ts"];
  const seen = new Set<string>();
  const foreign: string[] = [];
  for (let name = open.pop(); name; name = open.pop()) {
    if (seen.has(name)) continue;
    seen.add(name);
    const text = written.get(name);
    if (text === undefined) {
      foreign.push(`${name} is imported by a declaration but is not there`);
      continue;
    }
    for (const specifier of importsOf(ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true))) {
      const own = resolveImport(name, specifier, names);
      if (own) open.push(own);
      else if (!specifier.startsWith("node:")) foreign.push(`${name}: ${specifier}`);
    }
  }
  assert.ok(seen.size > 10, `only ${seen.size} declarations were reached`);
  none(foreign, "foreign types");
});

test("loading gptlab loads no package but TensorFlow.js: each one more makes every chapter's first cell slower", () => {
  const program = `
    require("gptlab");
    require("gptlab/course");
    const packages = Object.keys(require.cache).flatMap((file) => file.match(/node_modules.((?:@[^/\\\\]+.)?[^/\\\\]+)/g) ?? []);
    console.log(JSON.stringify([...new Set(packages)]));`;
  const loaded = JSON.parse(
    execFileSync(process.execPath, ["-e", program], { cwd: root, encoding: "utf8" }),
  ) as string[];
  assert.ok(
    loaded.some((name) => name.includes("tfjs-core")),
    "the list is not what it should be",
  );
  // long and seedrandom are TensorFlow.js's own
  none(
    loaded.filter((name) => !/node_modules.(@tensorflow.tfjs|long$|seedrandom$)/.test(name)),
    "packages: import them where they are used, await import(…)",
  );
});

test.run();
