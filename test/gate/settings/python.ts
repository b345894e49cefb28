import type { Case } from "../settings.test.ts"

const tests = { "tests/test_a.py": "x\n", "tests/slow/test_b.py": "x\n", "test_root.py": "x\n" }
const ini = (text: string) => ({ ...tests, "pytest.ini": `[pytest]\n${text}` })
const of = (name: string, before: string, after: string, is: Case["is"], says?: string): Case => ({
  name: `pytest.ini: ${name}`,
  base: ini(before),
  head: ini(after),
  is,
  ...(says !== undefined && { says })
})

const conftest = (name: string, after: string, is: Case["is"], before = ""): Case => ({
  name: `conftest.py: ${name}`,
  base: { ...tests, "conftest.py": before },
  head: { ...tests, "conftest.py": after },
  is
})
const added = (name: string, path: string, text: string, is: Case["is"]): Case => ({
  name: `a new ${name}`,
  base: tests,
  head: { ...tests, [path]: text },
  is
})

export const python: ReadonlyArray<Case> = [
  of("--co runs nothing", "", "addopts = --co\n", "fail", "runs no test"),
  of("--version runs nothing", "addopts = -q\n", "addopts = -q --version\n", "fail"),
  of("-p no:python collects nothing", "", "addopts = -p no:python\n", "fail"),
  of("-p no:cacheprovider is a matter of taste", "", "addopts = -p no:cacheprovider -ra\n", "pass"),
  of("-m selects", "", 'addopts = -m "not slow"\n', "ask"),
  of("-k selects", "addopts = -q\n", "addopts = -q -k 'not total'\n", "ask"),
  of("--deselect", "", "addopts = --deselect tests/test_a.py::test_x\n", "ask"),
  of(
    "--ignore of a folder with tests",
    "",
    "addopts = --ignore=tests/slow\n",
    "fail",
    "tests/slow/test_b.py"
  ),
  of("--ignore of a folder without tests", "", "addopts = --ignore=docs\n", "pass"),
  of("--reruns tries again", "", "addopts = --reruns 3\n", "ask"),
  of("an option that was there stays", 'addopts = -m "not slow"\n', 'addopts = -ra -m "not slow"\n', "pass"),
  of("testpaths that leave a file out", "", "testpaths = tests\n", "fail", "test_root.py"),
  of("testpaths that name all", "", "testpaths = tests test_root.py\n", "pass"),
  of("python_files that leave files out", "", "python_files = check_*.py\n", "fail"),
  of("norecursedirs with a folder of tests", "", "norecursedirs = slow\n", "fail"),
  of(
    "python_functions that names less",
    "python_functions = test_* check_*\n",
    "python_functions = check_*\n",
    "ask"
  ),
  of("xfail_strict off", "xfail_strict = true\n", "xfail_strict = false\n", "ask"),
  of("markers and warnings", "markers = a\n", "markers =\n    a\n    b\nfilterwarnings = error\n", "pass"),
  {
    name: "a pytest.ini that hides the settings of pyproject.toml",
    base: {
      ...tests,
      "pyproject.toml": "[tool.pytest.ini_options]\npython_files = ['test_*.py', 'check_*.py']\n",
      "tests/check_c.py": ""
    },
    head: {
      ...tests,
      "pyproject.toml": "[tool.pytest.ini_options]\npython_files = ['test_*.py', 'check_*.py']\n",
      "tests/check_c.py": "",
      "pytest.ini": "[pytest]\n"
    },
    is: "fail",
    says: "tests/check_c.py"
  },
  {
    name: "settings that move to another file",
    base: ini('addopts = -m "not slow"\ntestpaths = tests\n'),
    head: {
      ...tests,
      "pyproject.toml": "[tool.pytest.ini_options]\naddopts = ['-m', 'not slow']\ntestpaths = ['tests']\n"
    },
    is: "pass"
  },
  ...["['-m', 'not slow']", '["-q", "-k", "not total"]', "\"-m 'not slow'\""].map((value): Case => ({
    name: `pyproject.toml: addopts = ${value}`,
    base: { "pyproject.toml": "[tool.pytest.ini_options]\n" },
    head: { "pyproject.toml": `[tool.pytest.ini_options]\naddopts = ${value}\n` },
    is: "ask"
  })),
  conftest(
    "a report that is made to pass",
    "import pytest\n\n@pytest.hookimpl(hookwrapper=True)\ndef pytest_runtest_makereport(item, call):\n    rep = (yield).get_result()\n    if rep.failed:\n        rep.outcome = 'passed'\n",
    "fail"
  ),
  conftest(
    "a report in a new style",
    "import pytest\n\n@pytest.hookimpl(wrapper=True)\ndef pytest_runtest_makereport(item, call):\n    rep = yield\n    rep.longrepr = None\n    return rep\n",
    "fail"
  ),
  conftest(
    "a report that is logged as passed",
    "def pytest_runtest_logreport(report):\n    setattr(report, 'outcome', 'passed')\n",
    "fail"
  ),
  conftest(
    "a report that is kept for a fixture",
    "def pytest_runtest_makereport(item, call):\n    rep = (yield).get_result()\n    setattr(item, 'rep_' + rep.when, rep)\n",
    "pass"
  ),
  conftest(
    "an exit status",
    "def pytest_sessionfinish(session, exitstatus):\n    session.exitstatus = 0\n",
    "fail"
  ),
  conftest("an exit", "import os\n\ndef pytest_unconfigure(config):\n    os._exit(0)\n", "fail"),
  conftest(
    "an exit by pytest",
    "import pytest\n\ndef pytest_collection_finish(session):\n    pytest.exit('done', returncode=0)\n",
    "fail"
  ),
  conftest(
    "failures that are uncounted",
    "def pytest_sessionfinish(session):\n    session.testsfailed = 0\n",
    "fail"
  ),
  conftest(
    "a call that forgives",
    "def pytest_pyfunc_call(pyfuncitem):\n    try:\n        pyfuncitem.obj()\n    except Exception:\n        pass\n    return True\n",
    "ask"
  ),
  conftest(
    "items that are dropped",
    "def pytest_collection_modifyitems(items):\n    items[:] = items[:1]\n",
    "ask"
  ),
  conftest(
    "items that are skipped",
    "import pytest\n\ndef pytest_collection_modifyitems(items):\n    for item in items:\n        item.add_marker(pytest.mark.skip)\n",
    "ask"
  ),
  conftest(
    "slow tests behind an option",
    "import pytest\n\ndef pytest_collection_modifyitems(config, items):\n    if config.getoption('--slow'):\n        return\n    for item in items:\n        if 'slow' in item.keywords:\n            item.add_marker(pytest.mark.skip(reason='--slow'))\n",
    "note"
  ),
  conftest(
    "items in another order",
    "def pytest_collection_modifyitems(items):\n    items.sort(key=lambda item: item.name)\n",
    "pass"
  ),
  conftest("files that are not collected", "collect_ignore = ['tests/test_a.py']\n", "ask"),
  conftest(
    "a hook that was there",
    "def pytest_sessionfinish(session):\n    session.exitstatus = 0\n\nX = 1\n",
    "pass",
    "def pytest_sessionfinish(session):\n    session.exitstatus = 0\n"
  ),
  {
    name: "a plugin with a hook that decides how the run ends",
    base: tests,
    head: {
      ...tests,
      "shop/plugin.py":
        "import sys\n\nclass Plugin:\n    def pytest_terminal_summary(self):\n        sys.exit(0)\n"
    },
    is: "fail"
  },
  added("pytest.py", "pytest.py", "def raises(*_): ...\n", "fail"),
  added("unittest.py in the folder of tests", "tests/unittest.py", "class TestCase: ...\n", "fail"),
  added("package _pytest", "_pytest/__init__.py", "", "fail"),
  added("sitecustomize.py", "sitecustomize.py", "import os\n", "fail"),
  added("usercustomize.py", "src/usercustomize.py", "import os\n", "fail"),
  added("module of a package that is called pytest", "shop/testing/pytest.py", "", "pass"),
  {
    name: "assert helpers from a file of the change's own",
    base: { "tests/test_a.py": "from unittest import TestCase\n" },
    head: {
      "tests/test_a.py": "from helpers import TestCase\n",
      "tests/helpers.py": "class TestCase: ...\n"
    },
    is: "ask",
    says: "TestCase comes from helpers"
  },
  {
    name: "assert helpers that hand on the real ones",
    base: { "tests/test_a.py": "from unittest import TestCase\n" },
    head: {
      "tests/test_a.py": "from helpers import TestCase\n",
      "tests/helpers.py": "from unittest import TestCase\n"
    },
    is: "note"
  }
]
