// A mocha reporter that writes outcomes as JSON lines and prints nothing.
"use strict";

const { Report } = require("./factory_report.cjs");

module.exports = class {
  constructor(runner) {
    const report = new Report();
    const file = (test) => test.file || (test.parent && file(test.parent));
    runner.on("test", (test) => report.begin(file(test), test.titlePath()));
    runner.on("pass", (test) => report.end(file(test), test.titlePath(), "passed", test.duration));
    runner.on("pending", (test) => report.end(file(test), test.titlePath(), "skipped", 0));
    runner.on("fail", (test, error) => {
      const reason = (error && (error.message || error.stack)) || error;
      report.end(file(test), test.titlePath(), "failed", test.duration, reason);
    });
    runner.once("end", () => report.finish());
  }
};
