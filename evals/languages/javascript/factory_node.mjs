// A reporter for node's own test runner that writes outcomes as JSON lines and prints nothing.
import { createRequire } from "node:module";
import path from "node:path";

const { Report } = createRequire(import.meta.url)("./factory_report.cjs");

// What failed only because something below it did.
const ABOVE = new Set(["subtestsFailed"]);

export default async function* (source) {
  const report = new Report();
  const open = new Map();
  for await (const { type, data } of source) {
    if (type === "test:start") {
      const names = open.get(data.file) || [];
      names.length = data.nesting;
      names.push(data.name);
      open.set(data.file, names);
      report.begin(data.file, titles(names, data));
    } else if (type === "test:pass" || type === "test:fail") {
      const names = (open.get(data.file) || []).slice(0, data.nesting);
      conclude(report, type, data, titles([...names, data.name], data));
    }
  }
  report.finish();
  yield "";
}

// A file is a test of its own, named by its path.
function titles(names, data) {
  const isFile = data.nesting === 0 && data.file && path.resolve(data.name) === data.file;
  return isFile ? [] : names;
}

function conclude(report, type, data, names) {
  const details = data.details || {};
  const error = details.error || {};
  const above = ABOVE.has(error.failureType);
  if (details.type === "suite" && (type === "test:pass" || above)) return;
  // A failing test that is still to be done does not fail the run.
  const asked = data.skip !== undefined || data.todo !== undefined;
  const outcome = asked ? "skipped" : type === "test:pass" ? "passed" : "failed";
  const cause = error.cause || error;
  report.end(data.file, names, outcome, details.duration_ms, cause.message || String(cause));
}
