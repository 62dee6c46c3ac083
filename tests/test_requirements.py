"""The lock that CI installs is made of what the requirements say."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement

from .site import ROOT

LOCK = ROOT / "tests" / "requirements.lock"
RENDERING = {"comrak", "math-core", "nh3", "pygments"}


def requirements(path):
    """By their names in lower case; without what is included, and without comments."""
    lines = [line.partition(" #")[0].strip() for line in (ROOT / path).read_text().splitlines()]
    found = [Requirement(line) for line in lines if line and not line.startswith(("#", "-r"))]
    return {each.name.lower(): each for each in found}


def locked():
    """The versions and how many hashes each has."""
    pins = re.findall(
        r"^([\w.-]+)==([^\s;]+)((?:[^\n]*\\\n)*[^\n]*)", LOCK.read_text(), re.MULTILINE
    )
    return {name: (version, rest.count("--hash=sha256:")) for name, version, rest in pins}


@pytest.mark.parametrize("path", ["requirements.txt", "tests/requirements.txt"])
def test_the_lock_has_what_is_required(path):
    pins = locked()
    for name, requirement in requirements(path).items():
        version, hashes = pins[name]
        assert requirement.specifier.contains(version), f"{requirement} is locked at {version}"
        assert hashes


def test_all_that_is_locked_has_a_hash():
    assert all(hashes for _, hashes in locked().values())


def test_what_makes_html_is_pinned_exactly():
    site = requirements("requirements.txt")
    assert {str(site[name].specifier)[:2] for name in RENDERING} == {"=="}


def test_the_wheel_wants_what_the_site_has():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    site = {str(each) for each in requirements("requirements.txt").values()}
    assert {str(Requirement(each)) for each in project["dependencies"]} <= site


def test_the_lock_names_no_index():
    assert not re.search(r"^--|https?://", LOCK.read_text(), re.MULTILINE)
