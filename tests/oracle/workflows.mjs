// Reads workflow and action files with the official reader: one JSON line in, one out.
// In: {kind: "workflow" | "action", texts}. Out: for each text the list of problems.
import { register } from "node:module";
import { createInterface } from "node:readline";

// The package imports JSON without the attribute that node asks for.
const hook = `export const load = (url, context, next) => next(url, url.endsWith(".json")
  ? { ...context, importAttributes: { type: "json" } } : context);`;
register(`data:text/javascript,${encodeURIComponent(hook)}`);
const official = (path) => import(`@actions/workflow-parser/${path}`);
const { parseWorkflow } = await official("workflows/workflow-parser");
const { parseAction } = await official("actions/action-parser");
const { convertActionTemplate } = await official("actions/action-template");
const { convertWorkflowTemplate } = await official("model/convert");
const { NoOperationTraceWriter } = await official("templates/trace-writer");

async function problems(kind, text) {
  const trace = new NoOperationTraceWriter();
  const file = { name: "file.yml", content: text };
  const result = kind === "action" ? parseAction(file, trace) : parseWorkflow(file, trace);
  if (result.value && kind === "action") {
    convertActionTemplate(result.context, result.value);
  } else if (result.value) {
    await convertWorkflowTemplate(result.context, result.value);
  }
  return result.context.errors.getErrors().map((error) => error.message);
}

for await (const line of createInterface({ input: process.stdin })) {
  const { kind, texts } = JSON.parse(line);
  const answers = [];
  for (const text of texts) {
    answers.push(
      await problems(kind, text).catch((error) => [`the official reader failed: ${error.message}`]),
    );
  }
  process.stdout.write(JSON.stringify(answers) + "\n");
}
