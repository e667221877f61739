// A jest reporter that writes outcomes as JSON lines and prints nothing.
"use strict";

const { Report } = require("./factory_report.cjs");

const OUTCOMES = { passed: "passed", failed: "failed" };

module.exports = class {
  constructor() {
    this.report = new Report();
  }

  onTestFileStart(test) {
    this.report.begin(test.path, []);
  }

  onTestResult(test, result) {
    for (const it of result.testResults) {
      const titles = [...it.ancestorTitles, it.title];
      const outcome = OUTCOMES[it.status] || "skipped";
      this.report.end(test.path, titles, outcome, it.duration, (it.failureMessages || []).join("\n"));
    }
    const failed = result.testResults.some((it) => it.status === "failed");
    // A file that cannot be loaded has no test that could fail.
    if (!failed && (result.testExecError || result.failureMessage)) {
      const error = result.testExecError;
      const reason = (error && (error.message || error.stack)) || result.failureMessage;
      this.report.end(test.path, [], "failed", 0, reason);
    }
  }

  onRunComplete(_contexts, results) {
    if (results && results.runExecError) this.report.error("", results.runExecError.message);
    this.report.finish();
  }
};
