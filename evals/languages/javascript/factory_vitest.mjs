// A vitest reporter that writes outcomes as JSON lines and prints nothing.
import { createRequire } from "node:module";

const { Report } = createRequire(import.meta.url)("./factory_report.cjs");

export default class {
  constructor() {
    this.report = new Report();
  }

  // Up to version 3.
  onFinished(files = [], errors = []) {
    this.finish(files, errors);
  }

  // From version 3.
  onTestRunEnd(modules, errors) {
    this.finish(modules.map((it) => it.task), errors);
  }

  finish(files, errors) {
    if (this.report.finished) return;
    for (const file of [...files].sort((a, b) => (a.filepath < b.filepath ? -1 : 1))) {
      const project = file.projectName ? [`[${file.projectName}]`] : [];
      this.walk(file.filepath, file, project);
    }
    for (const error of errors) this.report.error(error.VITEST_TEST_PATH, error.message || error.stack);
    this.report.finish();
  }

  walk(path, task, titles) {
    const result = task.result || {};
    const reason = ((result.errors || [])[0] || {}).message;
    if (task.tasks) {
      // A hook failed, or the file could not be loaded: no test of its own says so.
      if (result.state === "fail" && reason) this.report.end(path, titles, "failed", 0, reason);
      for (const child of task.tasks) this.walk(path, child, [...titles, child.name]);
    } else if (result.state === "pass" || result.state === "fail") {
      const outcome = result.state === "pass" ? "passed" : "failed";
      this.report.end(path, titles, outcome, result.duration, reason);
    } else if (task.mode !== "run") {
      this.report.end(path, titles, "skipped", 0);
    }
  }
}
