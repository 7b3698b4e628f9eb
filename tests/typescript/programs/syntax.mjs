// What generated files consist of: prints, for each file that is named, what is in it that no generator should write.

import { readFileSync } from "node:fs";
import ts from "typescript-oldest";

// FirstStatement is how the compiler calls a VariableStatement
const STATEMENTS = new Set(["ClassDeclaration", "FunctionDeclaration", "ImportDeclaration", "InterfaceDeclaration", "TypeAliasDeclaration", "FirstStatement"]);
const CALLEES = /^(super|pairsOf|fieldsOf|encodePath|encodePathSegments|String|Object\.entries|this\.httpBackend\.request|useService(Query|Mutation)|\w+Keys\.\w+|new \w+\(backend\)\.\w+(\([\w, ]*\)\.then)?)$/;
const FOREIGN = new Set(["DebuggerStatement", "EvalExpression", "TemplateExpression", "NoSubstitutionTemplateLiteral", "TaggedTemplateExpression", "ForStatement", "WhileStatement", "IfStatement", "ThrowStatement", "Decorator", "RegularExpressionLiteral", "DeleteExpression", "PostfixUnaryExpression", "AwaitExpression", "ModuleDeclaration", "ExportAssignment", "ExportDeclaration", "JsxElement"]);

const found = {};
for (const name of process.argv.slice(2)) {
  const text = readFileSync(name, "utf8");
  const file = ts.createSourceFile(name, text, ts.ScriptTarget.ES2022, true);
  const problems = file.parseDiagnostics.map((each) => ts.flattenDiagnosticMessageText(each.messageText, "\n"));
  const visit = (node) => {
    const kind = ts.SyntaxKind[node.kind];
    if (FOREIGN.has(kind)) problems.push(`${kind}: ${node.getText()}`);
    if (ts.isCallExpression(node) && !CALLEES.test(node.expression.getText())) problems.push(`call of ${node.expression.getText()}`);
    ts.forEachChild(node, visit);
  };
  for (const statement of file.statements) {
    const kind = ts.SyntaxKind[statement.kind];
    if (!STATEMENTS.has(kind)) problems.push(`a ${kind}: ${statement.getText()}`);
    visit(statement);
  }
  if (problems.length > 0) found[name] = problems;
}
console.log(JSON.stringify(found));
