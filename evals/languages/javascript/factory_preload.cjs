// Loaded before a test file: notes a process that ends itself before its work is done.
"use strict";

const { isMainThread } = require("node:worker_threads");

// The runner itself passes on what is meant for the processes of its files.
if (isMainThread && !process.execArgv.includes("--test") && process.env.FACTORY_EARLY) {
  const fs = require("node:fs");
  const report = process.env.FACTORY_EARLY;
  delete process.env.FACTORY_EARLY;
  const main = process.argv[1];
  const exit = process.exit;
  let done = false;
  let own = false;
  process.on("beforeExit", () => {
    done = true;
  });
  process.exit = function (code) {
    const caller = String(new Error().stack).split("\n")[2] || "";
    own = Boolean(main) && caller.includes(main);
    return exit.call(process, code);
  };
  process.on("exit", (code) => {
    if (code === 0 && !done) {
      fs.appendFileSync(report, `${JSON.stringify({ kind: "early", file: main, own })}\n`);
    }
  });
}
