// Evaluates expressions with the official evaluator: one JSON question a line, one answer a line.
//
// Question: {expression, contexts}. Answer: {error} or {value, text, number, truthy}.
// Values travel as null, true, "text", {n: "1.5"}, {a: [...]}, {o: [[key, value], ...]}, so that
// NaN, infinities, negative zero and the order of keys survive.
import { createInterface } from "node:readline";
import { data, Evaluator, Lexer, Parser } from "@actions/expressions";
import { truthy } from "@actions/expressions/result";

const status = (name, value, maxArgs = 0) => ({
  name,
  minArgs: 0,
  maxArgs,
  call: () => new data.BooleanData(value),
});
const hashFiles = {
  name: "hashFiles",
  minArgs: 1,
  maxArgs: 255,
  call: (...args) => new data.StringData(args.map((arg) => arg.coerceString()).join("+")),
};
const functions = [
  status("success", true, Infinity),
  status("always", true),
  status("failure", false, Infinity),
  status("cancelled", false),
  hashFiles,
];
const implementations = new Map(functions.map((f) => [f.name.toLowerCase(), f]));

function decode(value) {
  if (value === null) return new data.Null();
  if (typeof value === "boolean") return new data.BooleanData(value);
  if (typeof value === "string") return new data.StringData(value);
  if ("n" in value) return new data.NumberData(Number(value.n));
  if ("a" in value) return new data.Array(...value.a.map(decode));
  return new data.Dictionary(...value.o.map(([key, item]) => ({ key, value: decode(item) })));
}

const print = (number) => (Object.is(number, -0) ? "-0" : String(number));

function encode(value) {
  switch (value.kind) {
    case data.Kind.Null:
      return null;
    case data.Kind.Number:
      return { n: print(value.value) };
    case data.Kind.Array:
      return { a: value.values().map(encode) };
    case data.Kind.Dictionary:
      return { o: value.pairs().map(({ key, value: item }) => [key, encode(item)]) };
    default:
      return value.value;
  }
}

function answer({ expression, contexts }) {
  try {
    const context = decode(contexts);
    const names = context.pairs().map(({ key }) => key);
    const tree = new Parser(new Lexer(expression).lex().tokens, names, functions).parse();
    const value = new Evaluator(tree, context, implementations).evaluate();
    return {
      value: encode(value),
      text: value.coerceString(),
      number: print(value.number()),
      truthy: truthy(value),
    };
  } catch (error) {
    return { error: String(error) };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(JSON.stringify(answer(JSON.parse(line))) + "\n");
}
