"""Fixtures and markers shared by the tests that link programs."""

from __future__ import annotations

from pathlib import Path

import hypothesis
import linking
import pytest

MARKERS = (
    "slow: takes more than two seconds",
    (
        "unlike(*linkers, reason): those other linkers are known to behave differently, "
        "so they cannot check the test"
    ),
    "only_wild: about a text or a default that is this linker's own",
)


# How long an example takes says how busy the machine is, and whether kernels are sanitized or measured.
hypothesis.settings.register_profile(
    "tests", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("tests")


def pytest_configure(config: pytest.Config) -> None:
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)


@pytest.fixture(autouse=True)
def skip_where_another_linker_differs(request: pytest.FixtureRequest) -> None:
    """The markers `unlike` and `only_wild` only matter while the tests are checked with another linker."""
    unlike = list(request.node.iter_markers("unlike"))
    if not unlike and not request.node.get_closest_marker("only_wild"):
        return
    kind = linking.kind_of(linking.linker_under_test())
    if request.node.get_closest_marker("only_wild") and kind != "wild":
        pytest.skip("about this linker's own texts")
    for mark in unlike:
        if kind in mark.args:
            pytest.skip(f"{kind}: {mark.kwargs['reason']}")


@pytest.fixture
def link(tmp_path: Path, request: pytest.FixtureRequest) -> linking.Link:
    """Links into the test's own directory; a failing test shows the commands of its links."""
    linker = linking.Link(tmp_path)
    request.node.link_commands = linker.commands
    return linker


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> object:
    report = yield
    commands = getattr(item, "link_commands", None)
    if report.failed and commands:
        report.sections.append(("to repeat the links", "\n".join(commands)))
    return report
