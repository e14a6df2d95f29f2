/** @file The library's sources as TypeScript sees them: one program for every rule. */
import path from "node:path";
import ts from "typescript";
import { root } from "./repository.ts";

export const sourceFolder = path.join(root, "lib/src");

export interface Library {
  readonly program: ts.Program;
  readonly checker: ts.TypeChecker;
  /** The sources, by their path inside lib/src: "plot/line.ts". */
  readonly files: ReadonlyMap<string, ts.SourceFile>;
}

export function openLibrary(): Library {
  const config = ts.getParsedCommandLineOfConfigFile(
    path.join(root, "lib/tsconfig.json"),
    {},
    {
      ...ts.sys,
      onUnRecoverableConfigFileDiagnostic: (problem) => {
        throw new Error(ts.flattenDiagnosticMessageText(problem.messageText, "\n"));
      },
    },
  );
  if (!config) throw new Error("lib/tsconfig.json cannot be read.");
  const program = ts.createProgram(config.fileNames, config.options);
  const own = program.getSourceFiles().filter((file) => file.fileName.startsWith(`${sourceFolder}/`));
  return { program, checker: program.getTypeChecker(), files: new Map(own.map((file) => [nameOf(file), file])) };
}

export function nameOf(file: ts.SourceFile): string {
  return path.relative(sourceFolder, file.fileName).split(path.sep).join("/");
}

/** `plot/line.ts:12`, for messages. */
export function placeOf(node: ts.Node): string {
  const file = node.getSourceFile();
  return `${nameOf(file)}:${file.getLineAndCharacterOfPosition(node.getStart()).line + 1}`;
}

/** Calls `visit` for a node and everything inside it. */
export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => walk(child, visit));
}

/** The sources of the library that a file imports, in any of the ways there are. */
export function importsOf(file: ts.SourceFile): string[] {
  const specifiers: string[] = [];
  walk(file, (node) => {
    const named = ts.isImportDeclaration(node) || ts.isExportDeclaration(node) ? node.moduleSpecifier : undefined;
    const called =
      ts.isCallExpression(node) &&
      (node.expression.kind === ts.SyntaxKind.ImportKeyword || node.expression.getText() === "require")
        ? node.arguments[0]
        : undefined;
    const typed = ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined;
    const specifier = named ?? called ?? typed;
    if (specifier && ts.isStringLiteralLike(specifier)) specifiers.push(specifier.text);
  });
  return specifiers;
}

/** "../random" in "plot/line.ts" → "random.ts"; undefined for packages and Node's modules. */
export function resolveImport(from: string, specifier: string, files: ReadonlySet<string>): string | undefined {
  if (!specifier.startsWith(".")) return undefined;
  const base = path.posix.join(path.posix.dirname(from), specifier).replace(/\.js$/, ""); // import() needs the extension
  return [`${base}.ts`, `${base}/index.ts`, base].find((file) => files.has(file)) ?? `${base} (missing)`;
}
