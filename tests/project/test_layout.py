"""The project's files: what is packaged, and how long files grow."""

import subprocess
import tomllib

import pytest

LONGEST = 400  # lines


@pytest.fixture(scope="module")
def setuptools(root) -> dict:
    with open(root / "pyproject.toml", "rb") as file:
        return tomllib.load(file)["tool"]["setuptools"]


def test_every_sub_package_is_packaged(root, setuptools):
    found = set()
    for package, folder in setuptools["package-dir"].items():
        for path in (root / folder).rglob("__init__.py"):
            below = path.parent.relative_to(root / folder).parts
            found.add(".".join([package, *below]))
    assert set(setuptools["packages"]) == found


def test_every_data_file_is_packaged(root, setuptools):
    patterns = setuptools["package-data"]["*"]
    ignored = {".py", ".pyc", ".nbi", ".nbc"}
    left_out = [
        path
        for folder in setuptools["package-dir"].values()
        for path in (root / folder).rglob("*")
        if path.is_file()
        and path.suffix not in ignored
        and not any(path.match(pattern) for pattern in patterns)
    ]
    assert not left_out


def test_files_are_short(root):
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip("not a git checkout")
    paths = [root / name for name in done.stdout.splitlines()]
    lengths = {path: len(path.read_text().splitlines()) for path in paths if path.exists()}
    assert lengths
    assert not {str(path): length for path, length in lengths.items() if length > LONGEST}
