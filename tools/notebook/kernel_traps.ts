/** @file Finds in a chapter what TypeScript allows but the notebook kernel (tslab 1.0.22) cannot run. */
import ts from "typescript";
import type { Cell } from "../../lib/dist/course/source.js";

/** Every name that a piece of code declares, at its top level or anywhere. */
function declared(source: ts.SourceFile, where: "top" | "anywhere"): Set<string> {
  const names = new Set<string>();
  const visit = (node: ts.Node): void => {
    const named =
      ts.isVariableDeclaration(node) ||
      ts.isBindingElement(node) ||
      ts.isParameter(node) ||
      ts.isFunctionDeclaration(node) ||
      ts.isClassDeclaration(node) ||
      ts.isImportClause(node) ||
      ts.isImportSpecifier(node) ||
      ts.isNamespaceImport(node);
    if (named && node.name && ts.isIdentifier(node.name)) names.add(node.name.text);
    if (where === "anywhere" || !(ts.isFunctionLike(node) || ts.isBlock(node) || ts.isClassLike(node)))
      ts.forEachChild(node, visit);
  };
  visit(source);
  return names;
}

/**
 * The short form `{ name }` of a name that an earlier cell declares: the kernel leaves it as it is, and the cell ends with
 * "name is not defined". `{ name: name }` works. Returns the cells with the names that are meant.
 */
export function shortForms(cells: readonly Cell[]): { readonly cell: Cell; readonly name: string }[] {
  const found: { cell: Cell; name: string }[] = [];
  const earlier = new Set<string>();
  for (const cell of cells.filter(({ kind }) => kind === "code")) {
    const source = ts.createSourceFile("cell.ts", cell.text, ts.ScriptTarget.Latest, true);
    const own = declared(source, "anywhere");
    const visit = (node: ts.Node): void => {
      const name = ts.isShorthandPropertyAssignment(node) ? node.name.text : undefined;
      if (name !== undefined && earlier.has(name) && !own.has(name)) found.push({ cell, name });
      ts.forEachChild(node, visit);
    };
    visit(source);
    for (const name of declared(source, "top")) earlier.add(name);
  }
  return found;
}
