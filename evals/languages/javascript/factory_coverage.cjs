// Turns what node itself counts (NODE_V8_COVERAGE) into an lcov tracefile of the files in a tree.
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const { fileURLToPath } = require("node:url");

const [raw, tree, output] = process.argv.slice(2);
const root = fs.realpathSync(tree) + path.sep;
// Lines by file: true where any process reached them.
const files = new Map();

// Whether a line says nothing that could run.
function isSilent(line) {
  return /^\s*(\/\/.*|\/?\*.*|[{}()[\];,]*)\s*$/.test(line);
}

// Later ranges lie within earlier ones, and know better.
function reached(text, functions) {
  const counts = new Uint8Array(text.length).fill(1);
  const ranges = functions.flatMap((it) => it.ranges);
  ranges.sort((a, b) => a.startOffset - b.startOffset || b.endOffset - a.endOffset);
  for (const { startOffset, endOffset, count } of ranges) {
    counts.fill(count > 0 ? 1 : 0, startOffset, endOffset);
  }
  return counts;
}

function add(file, functions) {
  const text = fs.readFileSync(file, "utf8");
  const counts = reached(text, functions);
  const lines = files.get(file) || new Map();
  let offset = 0;
  text.split("\n").forEach((line, index) => {
    if (!isSilent(line)) {
      const start = offset + line.search(/\S/);
      const hit = counts.subarray(start, offset + line.trimEnd().length).some((it) => it === 1);
      lines.set(index + 1, lines.get(index + 1) || hit);
    }
    offset += line.length + 1;
  });
  files.set(file, lines);
}

for (const name of fs.existsSync(raw) ? fs.readdirSync(raw) : []) {
  const { result } = JSON.parse(fs.readFileSync(path.join(raw, name), "utf8"));
  for (const { url, functions } of result) {
    if (!url.startsWith("file:")) continue;
    const file = fileURLToPath(url.replace(/[?#].*/, ""));
    const own = file.startsWith(root) && !file.includes(`${path.sep}node_modules${path.sep}`);
    if (own && /\.[cm]?js$/.test(file) && fs.existsSync(file)) add(file, functions);
  }
}

let trace = "";
for (const [file, lines] of files) {
  trace += `SF:${file}\n`;
  for (const [number, hit] of lines) trace += `DA:${number},${hit ? 1 : 0}\n`;
  trace += "end_of_record\n";
}
fs.writeFileSync(output, trace);
