/** @file Every `@example` in lib/src is true: it compiles against the built declarations, runs, and gives what its `// => value` comments say. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { inspect } from "node:util";
import ts from "typescript";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { sourceFolder } from "../support/library.ts";
import { root } from "../support/repository.ts";

/** One example; `line` is the first line of its code in its file. */
interface Example {
  readonly file: string;
  readonly line: number;
  readonly code: string;
}

const examples = ts.sys.readDirectory(sourceFolder, [".ts"]).flatMap(examplesOf);
const nameOf = ({ file, line }: Example) => `${path.relative(root, file)}:${line}`;
const test = suite("examples in the documentation");

function examplesOf(file: string): Example[] {
  const source = readFileSync(file, "utf8");
  const found: Example[] = [];
  for (const comment of source.matchAll(/\/\*\*[\s\S]*?\*\//g)) {
    const lines = comment[0]
      .replace(/\*\/$/, "")
      .split("\n")
      .map((line) => line.replace(/^\s*\* ?/, ""));
    const first = source.slice(0, comment.index).split("\n").length;
    for (let i = lines.indexOf("@example"); i >= 0; i = lines.indexOf("@example", i + 1)) {
      const rest = lines.slice(i + 1);
      const end = rest.findIndex((line) => /^@\w/.test(line));
      const code = rest
        .slice(0, end < 0 ? undefined : end)
        .join("\n")
        .trimEnd();
      found.push({ file, line: first + i + 1, code });
    }
  }
  return found;
}

/** Where in the repository something inside an example stands. */
function place(example: Example, source: ts.SourceFile, position: number): string {
  const { line } = source.getLineAndCharacterOfPosition(position);
  return `${path.relative(root, example.file)}:${example.line + line}`;
}

/** The example as the body of an asynchronous function of `require` and `expect`. */
function toFunction(example: Example): (require: NodeJS.Require, expect: Expect) => Promise<void> {
  const source = ts.createSourceFile("example.mts", example.code, ts.ScriptTarget.ES2022, true);
  const written = example.code.match(/\/\/ =>/g)?.length ?? 0;
  let checked = 0;
  const body = source.statements.map((statement) => {
    if (ts.isImportDeclaration(statement)) return toRequire(statement);
    const expected = /^[ \t]*\/\/ => (.*)/.exec(example.code.slice(statement.end))?.[1];
    if (expected === undefined) return statement.getText();
    checked++;
    const call = (value: string) =>
      `await expect(${JSON.stringify(place(example, source, statement.end))}, async () => (${value}), ${JSON.stringify(expected)});`;
    if (ts.isExpressionStatement(statement)) return call(statement.expression.getText());
    const declared = ts.isVariableStatement(statement)
      ? statement.declarationList.declarations.at(-1)?.name.getText()
      : undefined;
    return `${statement.getText()}\n${call(declared ?? "undefined")}`;
  });
  assert.is(checked, written, `${nameOf(example)}: a "// =>" must stand on the line of a whole statement`);
  const script = ts.transpile(`(async (require, expect) => {\n${body.join("\n")}\n})`, {
    target: ts.ScriptTarget.ES2022,
  });
  return new Function(`return ${script.trim()}`)() as ReturnType<typeof toFunction>;
}

function toRequire(statement: ts.ImportDeclaration): string {
  const clause = statement.importClause;
  if (!clause || clause.isTypeOnly) return "";
  const call = `require(${statement.moduleSpecifier.getText()})`;
  const bindings = clause.namedBindings;
  if (!bindings) return `const ${clause.name?.text} = ${call};`;
  if (ts.isNamespaceImport(bindings)) return `const ${bindings.name.text} = ${call};`;
  const names = bindings.elements
    .filter((element) => !element.isTypeOnly)
    .map(({ propertyName, name }) => (propertyName ? `${propertyName.text}: ${name.text}` : name.text));
  return `const { ${names.join(", ")} } = ${call};`;
}

type Expect = (where: string, value: () => Promise<unknown>, expected: string) => Promise<void>;

const expect: Expect = async (where, value, expected) => {
  const thrown = /^throws (\w+)/.exec(expected)?.[1];
  const found = await value().catch((error: unknown) => {
    if (!thrown) throw error;
    return error;
  });
  if (thrown) return assert.is((found as Error)?.name, thrown, `${where} throws ${thrown}, but gave ${inspect(found)}`);
  const literal = ts.createSourceFile("value.ts", `(${expected})`, ts.ScriptTarget.ES2022, true).statements[0];
  assert.ok(literal && ts.isExpressionStatement(literal), `${where} cannot read the value ${expected}`);
  assert.ok(agrees(found, literal.expression), `${where} says ${expected}, but gave ${inspect(found)}`);
};

/** Is `found` what the literal says? A number with a decimal point counts to its last digit. */
function agrees(found: unknown, literal: ts.Expression): boolean {
  if (ts.isParenthesizedExpression(literal)) return agrees(found, literal.expression);
  if (ts.isNumericLiteral(literal)) return sameNumber(found, literal.getText(), 1);
  if (ts.isPrefixUnaryExpression(literal) && literal.operator === ts.SyntaxKind.MinusToken)
    return sameNumber(found, literal.operand.getText(), -1);
  if (ts.isStringLiteralLike(literal)) return found === literal.text;
  if (ts.isArrayLiteralExpression(literal)) {
    const list = ArrayBuffer.isView(found) ? Array.from(found as Uint8Array) : found;
    return (
      Array.isArray(list) &&
      list.length === literal.elements.length &&
      literal.elements.every((element, i) => agrees(list[i], element))
    );
  }
  if (ts.isObjectLiteralExpression(literal)) {
    if (typeof found !== "object" || found === null || Object.keys(found).length !== literal.properties.length)
      return false;
    return literal.properties.every(
      (property) =>
        ts.isPropertyAssignment(property) &&
        agrees(
          Reflect.get(found, ts.isStringLiteralLike(property.name) ? property.name.text : property.name.getText()),
          property.initializer,
        ),
    );
  }
  const words: Record<string, unknown> = {
    true: true,
    false: false,
    null: null,
    undefined,
    NaN: Number.NaN,
    Infinity: Number.POSITIVE_INFINITY,
  };
  const word = literal.getText();
  return word in words && Object.is(found, words[word]);
}

function sameNumber(found: unknown, text: string, sign: number): boolean {
  const digits = text.replaceAll("_", "");
  if (digits === "Infinity") return found === sign * Number.POSITIVE_INFINITY;
  if (typeof found !== "number") return false;
  const [, decimals, exponent = "0"] = /\.(\d+)(?:e([-+]?\d+))?$/.exec(digits) ?? [];
  const tolerance = decimals === undefined ? 0 : 0.5 * 10 ** (Number(exponent) - decimals.length);
  return Math.abs(found - sign * Number(digits)) <= tolerance * (1 + 1e-9);
}

test("there are examples", () => {
  assert.ok(examples.length > 20, `only ${examples.length} found`);
  assert.equal(examples.filter(({ code }) => code.trim() === "").map(nameOf), []);
});

test("examples name no folder of one system: each runs in a folder of its own", () => {
  assert.equal(examples.filter(({ code }) => /["`]\/tmp\b/.test(code)).map(nameOf), []);
});

test("a wrong value is noticed", async () => {
  const right = [
    "[1, 2.5, -3]",
    '{ a: "x", "b-c": [true, null] }',
    "0.33",
    "-0.333",
    "1.0e3",
    "NaN",
    "throws RangeError: why",
  ];
  const values: unknown[] = [
    new Float32Array([1, 2.5, -3]),
    { a: "x", "b-c": [true, null] },
    1 / 3,
    -1 / 3,
    1020,
    Number.NaN,
    undefined,
  ];
  const give = (i: number) => async () => {
    if (i === 6) throw new RangeError("why");
    return values[i];
  };
  for (const i of values.keys()) await expect("here", give(i), right[i]);
  const wrong = ["[1, 2.5]", '{ a: "x" }', "0.34", "0.333", "1020.1", "0", "throws TypeError"];
  for (const i of values.keys()) {
    const seen = await expect("here", give(i), wrong[i]).then(
      () => false,
      () => true,
    );
    assert.ok(seen, `${inspect(values[i])} passed for ${wrong[i]}`);
  }
});

test("every example compiles against the package as it is installed", () => {
  const options: ts.CompilerOptions = {
    strict: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.Node16,
    moduleResolution: ts.ModuleResolutionKind.Node16,
    lib: ["lib.es2022.d.ts"],
    types: ["node"],
    typeRoots: [path.join(root, "node_modules/@types")], // tests run in a folder of their own
    skipLibCheck: true,
    noEmit: true,
  };
  const codes = new Map(examples.map((example, i) => [path.join(root, "test/course", `example_${i}.mts`), example]));
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile } = host;
  host.fileExists = (file) => codes.has(file) || fileExists(file);
  host.readFile = (file) => codes.get(file)?.code ?? readFile(file);
  const program = ts.createProgram([...codes.keys()], options, host);
  const problems = [...codes].flatMap(([file, example]) => {
    const source = program.getSourceFile(file);
    const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    return found.map(
      ({ file: within, start = 0, messageText }) =>
        `${within ? place(example, within, start) : nameOf(example)} ${ts.flattenDiagnosticMessageText(messageText, " ")}`,
    );
  });
  assert.ok(problems.length === 0, `\n      ${problems.join("\n      ")}\n`);
});

const require = createRequire(import.meta.url);
const before = { cwd: process.cwd(), env: { ...process.env } };
let folder = "";
test.before.each(() => {
  folder = mkdtempSync(path.join(tmpdir(), "gptlab-example-"));
  process.chdir(folder);
  process.env.GPTLAB_PROGRESS = path.join(tmpdir(), `gptlab-examples-${process.pid}.json`); // not the learner's own
  process.env.GPTLAB_BACKEND ??= "cpu"; // the same numbers everywhere, and no engine to load
});
test.after.each(() => {
  process.chdir(before.cwd);
  process.env = { ...before.env };
  rmSync(folder, { recursive: true });
});
for (const example of examples) test(nameOf(example), () => toFunction(example)(require, expect));

test.run();
