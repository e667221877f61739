"""Runs a suite with the standard library alone, and reports like the pytest plugin."""

import os
import sys
import time
import unittest

from factory_report import Report

_REPORT = Report()


def _case_id(test):
    name = getattr(test, "_testMethodName", None)
    if name is None:
        return str(test)
    module = sys.modules.get(type(test).__module__)
    file = getattr(module, "__file__", None) or type(test).__module__
    path = os.path.relpath(os.path.realpath(file), os.path.realpath(os.getcwd()))
    return "%s::%s::%s" % (path, type(test).__qualname__, name)


class _Result(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.began = {}
        self.broken = False

    def startTest(self, test):
        super().startTest(test)
        self.began[id(test)] = time.monotonic()
        _REPORT.begin(_REPORT.canonical(_case_id(test)))

    def _end(self, test, outcome, err=None):
        test = getattr(test, "test_case", test)
        began = self.began.get(id(test), time.monotonic())
        self.began[id(test)] = time.monotonic()
        case = _REPORT.canonical(_case_id(test))
        if err is not None:
            _REPORT.reason(case, "%s: %s" % (err[0].__name__, err[1]))
        _REPORT.end(case, outcome, time.monotonic() - began)
        if _REPORT.is_surprise(case, outcome):
            self.stop()

    def addSuccess(self, test):
        super().addSuccess(test)
        self._end(test, "passed")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._end(test, "failed", err)

    def addError(self, test, err):
        super().addError(test, err)
        text = self.errors[-1][1]
        if isinstance(test, unittest.loader._FailedTest):
            self.broken = True
            _REPORT.error(test._testMethodName, text)
        elif hasattr(test, "_testMethodName"):
            self._end(test, "failed", err)
        else:
            self.broken = True
            _REPORT.error(str(test), text)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        if hasattr(test, "_testMethodName"):
            self._end(test, "skipped")

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self._end(test, "skipped")

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self._end(test, "failed")

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._end(test, "failed", err)


def _flatten(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from _flatten(test)
        else:
            yield test


def _discover():
    suite = unittest.TestSuite()
    starts = [name for name in ("tests", "test") if os.path.isdir(name)] or ["."]
    for start in starts:
        package = os.path.exists(os.path.join(start, "__init__.py"))
        loader = unittest.TestLoader()
        suite.addTests(loader.discover(start, "test*.py", "." if package else None))
        if not package and start != ".":
            loader = unittest.TestLoader()
            suite.addTests(loader.discover(start, "*_test.py"))
    return suite


def main():
    suite = _discover()
    if _REPORT.only is not None:
        failed = unittest.loader._FailedTest
        suite = unittest.TestSuite(
            test
            for test in _flatten(suite)
            if isinstance(test, failed) or _REPORT.canonical(_case_id(test)) in _REPORT.only
        )
    result = _Result()
    suite.run(result)
    status = 2 if result.broken else 0 if result.wasSuccessful() else 1
    if not _REPORT.cases and not result.broken:
        status = 5
    _REPORT.finish(status)
    sys.stdout.flush()
    sys.stderr.flush()
    sys.exit(status)


if __name__ == "__main__":
    main()
