// Runs test files that are programs of their own, one after the other, and reports their outcomes.
// What they print in TAP gives the tests in them.
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const { spawnSync } = require("node:child_process");
const { Report } = require("./factory_report.cjs");

const EARLY = process.env.FACTORY_EARLY;
const [list, ...args] = process.argv.slice(2);
const files = JSON.parse(fs.readFileSync(list, "utf8")).map((it) => path.resolve(it));
const report = new Report();

// Tests in a text: `# name` sections of tape, `# Subtest: name` blocks of node-tap.
function tests(text) {
  return /^\s*# Subtest: /m.test(text) ? subtests(text) : sections(text);
}

function sections(text) {
  const found = [];
  for (const line of text.split("\n")) {
    const name = /^# (?!tests |pass |fail |ok$|skip )(.+)/.exec(line);
    if (name) found.push({ titles: [name[1].replace(/^SKIP /, "")], n: 0, bad: null });
    const assert = /^(not )?ok\b(.*)/.exec(line);
    const last = found[found.length - 1];
    if (assert && last) {
      last.n += 1;
      if (assert[1] && !/# (TODO|SKIP)\b/i.test(assert[2])) last.bad = last.bad || assert[2];
    }
  }
  return found.filter((it) => it.n > 0);
}

function subtests(text) {
  const found = [];
  const open = [];
  for (const line of text.split("\n")) {
    const begin = /^( *)# Subtest: (.+)/.exec(line);
    if (begin) open.push({ indent: begin[1].length, name: begin[2] });
    const end = /^( *)(not )?ok \d+ - (.*?)( \{)?$/.exec(line);
    const last = open[open.length - 1];
    // node-tap indents the heading like the block, others like the line that closes it.
    if (!end || !last || !end[3].startsWith(last.name) || end[1].length > last.indent) continue;
    const rest = end[3].slice(last.name.length);
    const asked = /# (TODO|SKIP)\b/i.test(rest);
    const bad = end[2] && !asked ? end[3] : null;
    found.push({ titles: open.map((it) => it.name), n: asked ? 0 : 1, bad });
    open.pop();
  }
  return found;
}

// Whether a plan and the lines at its depth agree; `null` where the text is no TAP.
function complete(text) {
  if (!/^TAP version \d+$/m.test(text)) return null;
  const plan = /^1\.\.(\d+)/m.exec(text);
  const lines = text.match(/^(not )?ok\b/gm) || [];
  return Boolean(plan) && Number(plan[1]) === lines.length;
}

// What the preload noted: the file ended itself, with `own` true where it says so in its own text.
function early(note) {
  if (!fs.existsSync(note)) return null;
  const [line] = fs.readFileSync(note, "utf8").split("\n");
  fs.rmSync(note);
  return JSON.parse(line);
}

for (const file of files) {
  report.begin(file, []);
  const began = Date.now();
  const note = EARLY + path.basename(file);
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [...args, file], {
    env: { ...process.env, FACTORY_EARLY: note },
    encoding: "utf8",
    maxBuffer: 1 << 28,
    stdio: ["ignore", "pipe", "pipe"],
  });
  fs.writeSync(1, stdout);
  fs.writeSync(2, stderr);
  const found = tests(stdout);
  for (const { titles, bad, n } of found) {
    report.end(file, titles, bad ? "failed" : n ? "passed" : "skipped", 0, bad);
  }
  const whole = complete(stdout);
  const ended = early(note);
  if (status === 0 && whole === false) report.error(file, "it ended before its plan was done");
  if (status === 0 && whole === null && ended && !ended.own) {
    report.error(file, "Error: the tested code ended the process before the tests were done");
  }
  if (status === 0 && found.some((it) => it.bad)) report.error(file, "a test failed, but it exits 0");
  const reason = signal ? `ended by ${signal}` : stderr || stdout;
  report.end(file, [], status === 0 ? "passed" : "failed", Date.now() - began, reason);
}
report.finish();
process.exit(report.cases.some((it) => it.outcome === "failed") ? 1 : 0);
