"""A pytest plugin that reports outcomes as JSON lines and changes nothing else."""

import random

import pytest

from factory_report import Report

_REPORT = Report()
# Canonical ids by pytest's own, numbered in collection order where two would be the same.
_IDS = {}
_NUMBERS = {}
_SESSIONS = []

# Options of pytest-cov that projects put into their `addopts`. They ask for a coverage report and
# change no outcome, so a machine without that plugin can still run the suite.
_COVERAGE_OPTIONS = (
    ("--cov", {"action": "append", "nargs": "?", "const": True}),
    ("--cov-report", {"action": "append"}),
    ("--cov-config", {"action": "store"}),
    ("--cov-context", {"action": "store"}),
    ("--cov-fail-under", {"action": "store"}),
    ("--cov-append", {"action": "store_true"}),
    ("--cov-branch", {"action": "store_true"}),
    ("--cov-reset", {"action": "store_true"}),
    ("--no-cov", {"action": "store_true"}),
    ("--no-cov-on-fail", {"action": "store_true"}),
)


def pytest_addoption(parser):
    try:
        import pytest_cov  # noqa: F401
    except ImportError:
        group = parser.getgroup("factory")
        for name, settings in _COVERAGE_OPTIONS:
            group.addoption(name, default=None, dest="factory" + name.replace("-", "_"), **settings)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    """Sets what a plugin would draw at random, and what would hide tests that fail."""
    options = config.option
    if getattr(options, "randomly_seed", None) == "default":
        options.randomly_seed = 0
    if getattr(options, "random_order_seed", "unset") is None:
        options.random_order_seed = 0
    if getattr(options, "hypothesis_seed", "unset") is None:
        options.hypothesis_seed = 0
    # `-x` among a project's own options would leave the tests after a failure out.
    options.maxfail = 0


def _is_worker(config):
    return hasattr(config, "workerinput")


def pytest_itemcollected(item):
    # Before any plugin puts the items into another order.
    if item.nodeid not in _IDS:
        _IDS[item.nodeid] = _numbered(item.nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node, ids):
    # Every worker collects the same; another order of theirs must not change a number.
    for nodeid in sorted(ids):
        if nodeid not in _IDS:
            _IDS[nodeid] = _numbered(nodeid)


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session):
    _SESSIONS.append(session)
    # Parameters that are drawn while tests are collected must be the same in every run.
    random.seed(0)


def pytest_collection_finish(session):
    random.seed()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    if _REPORT.only is None:
        return
    keep, drop = [], []
    for item in items:
        case = _IDS.get(item.nodeid) or _numbered(item.nodeid)
        (keep if case in _REPORT.only else drop).append(item)
    if drop:
        config.hook.pytest_deselected(items=drop)
        items[:] = keep


def _numbered(nodeid):
    case = _REPORT.canonical(nodeid)
    _NUMBERS[case] = _NUMBERS.get(case, 0) + 1
    return case if _NUMBERS[case] == 1 else "%s#%d" % (case, _NUMBERS[case])


def pytest_collectreport(report):
    if report.failed:
        _REPORT.error(report.nodeid, report.longrepr)


def pytest_runtest_logstart(nodeid):
    # A plugin may add tests while others run.
    if nodeid not in _IDS:
        _IDS[nodeid] = _numbered(nodeid)
    _REPORT.begin(_IDS[nodeid])


def pytest_runtest_logreport(report):
    case = _IDS.get(report.nodeid)
    # A subtest has the id of its test; one that was skipped does not make the whole test skipped.
    partial = hasattr(report, "context") and report.outcome == "skipped"
    if case is not None and not partial:
        # An expected failure is reported as skipped: nothing was shown to hold.
        if report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            _REPORT.reason(case, getattr(crash, "message", None) or report.longrepr)
        _REPORT.end(case, report.outcome, report.duration)
        if _REPORT.is_surprise(case, report.outcome):
            for session in _SESSIONS:
                session.shouldfail = "a test noticed"


def pytest_internalerror(excrepr):
    _REPORT.error("pytest itself", excrepr)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session, exitstatus):
    if not _is_worker(session.config):
        _REPORT.finish(exitstatus)
