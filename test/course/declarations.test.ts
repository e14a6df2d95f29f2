/**
 * @file The declarations of gptlab can be read by the TypeScript of the notebook kernel (5.0.4, moduleResolution node10), and
 * nothing public turns into `any` there: a learner's cell would lose its type check without a word.
 */
import { createRequire } from "node:module";
import path from "node:path";
import type TypeScript from "typescript";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { rollUpDeclarations } from "../../tools/notebook/declarations.ts";
import { root } from "../support/repository.ts";

// tslab bundles its own TypeScript; the parts used here are the same in both versions.
const fromTslab = createRequire(createRequire(import.meta.url).resolve("tslab/package.json"));
const ts = fromTslab("@tslab/typescript-for-tslab") as typeof TypeScript;
const test = suite("declarations in the kernel");

/** tslab's compiler options (converter.js), but declarations are checked too. */
const options: TypeScript.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  lib: ["lib.es2022.d.ts"],
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.NodeJs,
  esModuleInterop: true,
  resolveJsonModule: true,
  strict: true,
  skipLibCheck: false,
  noEmit: true,
  types: ["node"],
};

/** A program of one file in chapters/, where notebooks import from; `others` are more files that exist in memory only. */
function compile(code: string, others: Readonly<Record<string, string>> = {}) {
  const entry = path.join(root, "chapters", "cell.ts");
  const files = new Map(Object.entries({ [entry]: code, ...others }));
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile } = host;
  host.fileExists = (file) => files.has(file) || fileExists(file);
  host.readFile = (file) => files.get(file) ?? readFile(file);
  const program = ts.createProgram([entry], options, host);
  const source = program.getSourceFile(entry);
  if (!source) throw new Error("the cell was not read");
  return { program, checker: program.getTypeChecker(), source };
}

/** Every type written in the declarations below `start` that the program reads as `any`: `loop.d.ts:12 Float32Array<ArrayBuffer>`. */
function findAny({ program, checker }: ReturnType<typeof compile>, start: string): string[] {
  const found: string[] = [];
  const visit = (node: TypeScript.Node): void => {
    const isType = ts.isTypeNode(node) && !ts.isTemplateLiteralTypeSpan(node);
    if (isType && checker.getTypeFromTypeNode(node).flags & ts.TypeFlags.Any) {
      const file = node.getSourceFile();
      found.push(
        `${path.relative(root, file.fileName)}:${file.getLineAndCharacterOfPosition(node.pos).line + 1} ${node.getText()}`,
      );
    } else {
      ts.forEachChild(node, visit);
    }
  };
  for (const file of program.getSourceFiles()) if (file.fileName.startsWith(start)) visit(file);
  return found;
}

rollUpDeclarations();
const library = compile('export * from "gptlab";\nexport * as course from "gptlab/course";');
const declarations = path.join(root, "lib/dist/rolled");

test("the kernel's TypeScript is older than the library's, which is why this test exists", () => {
  assert.match(ts.version, /^5\.0\./);
});

test("a notebook finds gptlab and gptlab/course, and every declaration compiles", () => {
  const { program, checker, source } = library;
  for (const statement of source.statements) {
    assert.ok(
      ts.isExportDeclaration(statement) &&
        statement.moduleSpecifier &&
        checker.getSymbolAtLocation(statement.moduleSpecifier),
      `not found: ${statement.getText()}`,
    );
  }
  const own = program.getSourceFiles().filter((file) => file.fileName.startsWith(declarations));
  const rolled = own.map((file) => path.relative(declarations, file.fileName)).sort();
  assert.equal(rolled, ["course.d.ts", "index.d.ts", "shared.d.ts"], "a chapter's first cell pays for every file");
  const problems = own.flatMap((file) => [
    ...program.getSyntacticDiagnostics(file),
    ...program.getSemanticDiagnostics(file),
  ]);
  const text = problems.map(
    ({ file, messageText }) =>
      `${path.relative(root, file?.fileName ?? "")}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`,
  );
  assert.ok(text.length === 0, `\n      ${text.join("\n      ")}\n`);
});

test("nothing public is any for the kernel", () => {
  const found = findAny(library, declarations);
  assert.ok(found.length === 0, `\n      ${found.join("\n      ")}\n`);
});

test("this test notices what newer TypeScript writes and the kernel reads as any", () => {
  const file = path.join(root, "chapters", "newer.d.ts");
  const newer = `export declare function half(values: Float32Array): Float32Array<ArrayBuffer>;
    export interface Box { readonly inner: { list: readonly NoInfer<string>[] } }
    export declare const fine: { name: string; make(size: number): Promise<Map<string, number>> };`;
  const found = findAny(compile('export * from "./newer";', { [file]: newer }), file);
  assert.equal(found, ["chapters/newer.d.ts:1 Float32Array<ArrayBuffer>", "chapters/newer.d.ts:2 NoInfer<string>"]);
});

test.run();
