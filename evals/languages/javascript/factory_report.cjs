// Writes what a test runner did as JSON lines, outside the tree. Shared by all reporters.
"use strict";

const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

// Parts of a test's name that differ between two runs of the same code.
const UNSTABLE = [
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, "<uuid>"],
  [/\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?/g, "<time>"],
  [/0x[0-9a-fA-F]{6,}/g, "<address>"],
  [/\b\d+\.\d+ ?ms\b/g, "<duration>"],
  [/\d+\.\d{9,}/g, "<number>"],
  [/\b\d{12,}\b/g, "<number>"],
];

function take(name) {
  // Tests must not see, or pass on, what is meant for the reporter.
  const value = process.env[name] || "";
  delete process.env[name];
  return value;
}

function real(file) {
  try {
    return fs.realpathSync(file);
  } catch {
    return file;
  }
}

function set(file) {
  return file ? new Set(JSON.parse(fs.readFileSync(file, "utf8"))) : null;
}

// The first line that names an error, without colours.
function telling(text) {
  const lines = String(text)
    // eslint-disable-next-line no-control-regex
    .replace(/\u001b\[[0-9;]*m/g, "")
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
  return (lines.find((line) => /Error|expected/i.test(line)) || lines[0] || "unknown").slice(0, 300);
}

class Report {
  constructor() {
    this.path = take("FACTORY_REPORT");
    this.tree = real(take("FACTORY_TREE"));
    this.only = set(take("FACTORY_ONLY"));
    this.expected = set(take("FACTORY_STOP"));
    this.temporary = [process.env.TMPDIR, os.tmpdir()].filter(Boolean);
    this.counts = new Map();
    this.began = new Map();
    this.cases = [];
    this.errors = [];
    this.finished = false;
    // Opened now: a test that changes folder or the environment changes nothing here.
    this.file = fs.openSync(this.path, "a");
  }

  // Returns a name that is the same in every run and in every tree.
  canonical(name) {
    let text = String(name).replaceAll(this.tree, "<tree>");
    for (const folder of this.temporary) {
      for (const root of [real(folder), folder]) {
        text = text.replace(new RegExp(`${escape(root)}[^\\s"'\`)]*`, "g"), "<temporary>");
      }
    }
    for (const [pattern, word] of UNSTABLE) text = text.replace(pattern, word);
    // eslint-disable-next-line no-control-regex
    return text.replace(/[\u0000-\u001f\u007f]+/g, " ").trim();
  }

  id(file, titles) {
    const place = file ? path.relative(this.tree, real(file)) : "";
    return [place, ...titles.map((it) => this.canonical(it))].filter(Boolean).join(" > ");
  }

  begin(file, titles) {
    this.write({ kind: "begin", id: this.id(file, titles) });
  }

  // Names that are the same get numbers, in the order of the file.
  end(file, titles, outcome, milliseconds, reason) {
    const base = this.id(file, titles);
    const count = (this.counts.get(base) || 0) + 1;
    this.counts.set(base, count);
    const id = count === 1 ? base : `${base} #${count}`;
    if (this.only && !this.only.has(id)) return;
    const line = { kind: "case", id, outcome, seconds: (milliseconds || 0) / 1000 };
    if (outcome === "failed") line.reason = telling(reason);
    this.cases.push(line);
    if (outcome === "failed" && this.expected && !this.expected.has(id)) this.stop();
  }

  error(where, text) {
    const place = where ? path.relative(this.tree, real(String(where))) : "the suite";
    this.errors.push({ kind: "error", where: place, message: telling(text) });
  }

  // One failure that nobody expected tells all that is asked of the run.
  stop() {
    this.finish(true);
    process.exit(1);
  }

  finish(stopped = false) {
    if (this.finished) return;
    this.finished = true;
    for (const line of [...this.cases, ...this.errors]) this.write(line);
    this.write({ kind: "end", cases: this.cases.length, stopped });
    fs.closeSync(this.file);
  }

  write(line) {
    fs.writeSync(this.file, `${JSON.stringify(line)}\n`);
  }
}

function escape(text) {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

module.exports = { Report, telling };
