// Tells where the packages that a project itself is are found from its tests.
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const { createRequire } = require("node:module");

const { names, files } = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));

// A package that `require` may not load is looked for like `import` would.
function lookUp(name, file) {
  for (let folder = path.dirname(file); ; folder = path.dirname(folder)) {
    const manifest = path.join(folder, "package.json");
    if (fs.existsSync(manifest) && JSON.parse(fs.readFileSync(manifest, "utf8")).name === name) {
      return folder;
    }
    const found = path.join(folder, "node_modules", name);
    if (fs.existsSync(found)) return found;
    if (folder === path.dirname(folder)) return null;
  }
}

function find(name, file) {
  try {
    return createRequire(file).resolve(name);
  } catch {
    return lookUp(name, file);
  }
}

const found = {};
for (const file of files) {
  const text = fs.readFileSync(file, "utf8");
  for (const name of names) {
    const quoted = name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    if (!new RegExp(`(require\\(|from|import|import\\()\\s*["']${quoted}(/|["'])`).test(text)) continue;
    const place = find(name, file);
    if (place) (found[name] ||= []).push(fs.realpathSync(place));
  }
}
process.stdout.write(JSON.stringify(found));
