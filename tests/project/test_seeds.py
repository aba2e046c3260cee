"""What docs/seeds.md claims has the tests that it names."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
CLAIM = re.compile(r"^\| (?P<paper>.+) \| (?P<what>.+) \| `(?P<file>tests/\S+)::(?P<test>\w+)` \|$")


def test_each_claim_names_a_test_that_there_is():
    text = (ROOT / "docs" / "seeds.md").read_text(encoding="utf-8")
    here, _, missing = text.partition("## Not here")
    rows = [line for line in here.splitlines() if line.startswith("| ")][1:]
    claims = [CLAIM.match(row) for row in rows]
    assert len(claims) > 40
    for row, claim in zip(rows, claims, strict=True):
        assert claim, f"no test is named in {row}"
        module = ast.parse((ROOT / claim["file"]).read_text(encoding="utf-8"))
        tests = {node.name for node in ast.walk(module) if isinstance(node, ast.FunctionDef)}
        assert claim["test"] in tests, row
    papers = [claim["paper"] for claim in claims if claim]
    papers += [line.split(" | ")[0][2:] for line in missing.splitlines() if line.startswith("| ")][
        1:
    ]
    assert len(papers) == len(set(papers))  # nothing is both here and not
