/** @file Cuts out of a notebook what one exercise needs: the answer's cell, earlier definitions that it uses, and imports. Nothing that only computes or shows is kept. */
import ts from "typescript";

/** A code cell of a notebook. */
export interface CodeCell {
  readonly id: string;
  readonly source: string;
}

/** JavaScript to run, and what the compiler could not read, with its line. */
export interface AnswerProgram {
  readonly code: string;
  readonly fault?: string;
}

interface Definition {
  readonly names: readonly string[];
  readonly uses: ReadonlySet<string>;
  readonly text: string;
}

/**
 * The program that defines the function `exercise` as the notebook does and exports it as `answer`.
 * Of a name that is defined more than once, the last definition up to the exercise's cell counts, as in the running notebook.
 */
export function answerProgram(cells: readonly CodeCell[], exercise: string): AnswerProgram {
  const last = cells.findIndex((cell) => cell.id === exercise);
  const imports: string[] = [];
  const definitions: Definition[] = [];
  for (const cell of cells.slice(0, last + 1)) {
    const file = ts.createSourceFile(`${cell.id}.ts`, cell.source, ts.ScriptTarget.ES2022, true);
    for (const statement of file.statements) {
      if (ts.isImportDeclaration(statement)) imports.push(statement.getText(file));
      else definitions.push(...definitionsOf(statement, file));
    }
  }
  const source = [
    ...new Set(imports),
    ...needed(definitions, exercise),
    `export const answer = typeof ${exercise} === "undefined" ? undefined : ${exercise};`,
  ].join("\n");
  const { code, fault } = transpile(source);
  if (!fault) return { code };
  for (const cell of cells.slice(0, last + 1).reverse()) {
    const found = transpile(`${cell.source}\nexport {};`).fault; // as a module, so that it may await
    if (found) return { code, fault: cell.id === exercise ? found : `cell "${cell.id}", ${found}` };
  }
  return { code, fault };
}

/** JavaScript, and the first fault as "line 3: ')' expected." */
function transpile(source: string): AnswerProgram {
  const { outputText, diagnostics = [] } = ts.transpileModule(source, {
    reportDiagnostics: true,
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022, esModuleInterop: true },
  });
  // A redeclared import is no fault of the learner's; only syntax (codes below 2000) stops an answer.
  const first = diagnostics.find(({ code }) => code < 2000);
  if (!first) return { code: outputText };
  const line = first.file ? `line ${first.file.getLineAndCharacterOfPosition(first.start ?? 0).line + 1}: ` : "";
  return { code: outputText, fault: line + ts.flattenDiagnosticMessageText(first.messageText, " ") };
}

/** The texts of the definitions that lead to `name`, in the order of the notebook. */
function needed(definitions: readonly Definition[], name: string): string[] {
  const chosen = new Set<Definition>();
  const waiting = [name];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const wanted = next;
    const definition = definitions.filter(({ names }) => names.includes(wanted)).at(-1);
    if (!definition || chosen.has(definition)) continue;
    chosen.add(definition);
    waiting.push(...definition.uses);
  }
  return definitions.filter((definition) => chosen.has(definition)).map(({ text }) => text);
}

function definitionsOf(statement: ts.Statement, file: ts.SourceFile): Definition[] {
  const make = (names: readonly string[], node: ts.Node, text: string): Definition[] => [
    { names, uses: identifiersIn(node), text },
  ];
  if (ts.isVariableStatement(statement)) {
    if (!isQuick(statement)) return [];
    const names = statement.declarationList.declarations.flatMap(({ name }) => boundNames(name));
    return make(names, statement, statement.getText(file));
  }
  if (ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement) || ts.isEnumDeclaration(statement)) {
    return statement.name ? make([statement.name.text], statement, statement.getText(file)) : [];
  }
  return []; // types are erased; calls and loops are work, not definitions
}

/** False if a definition waits for something that may be long: training, a download. */
function isQuick(statement: ts.VariableStatement): boolean {
  let quick = true;
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node)) return; // it is defined, not run
    if (ts.isAwaitExpression(node)) {
      const { expression } = node;
      const callee =
        ts.isCallExpression(expression) && ts.isIdentifier(expression.expression) ? expression.expression.text : "";
      if (!["orReference", "initBackend"].includes(callee)) quick = false;
    }
    ts.forEachChild(node, visit);
  };
  visit(statement);
  return quick;
}

function boundNames(name: ts.BindingName): string[] {
  if (ts.isIdentifier(name)) return [name.text];
  return name.elements.flatMap((element) => (ts.isOmittedExpression(element) ? [] : boundNames(element.name)));
}

function identifiersIn(node: ts.Node): ReadonlySet<string> {
  const names = new Set<string>();
  const visit = (child: ts.Node): void => {
    if (ts.isIdentifier(child)) names.add(child.text);
    ts.forEachChild(child, visit);
  };
  visit(node);
  return names;
}
