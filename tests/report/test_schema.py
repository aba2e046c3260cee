import json

import pytest

pytest.importorskip("fastjsonschema")

from rarefy.errors import InputError
from rarefy.eval.report import check_results, read_results
from rarefy.eval.report.schema import SCHEMA


def test_results_have_the_form_of_the_schema(results):
    check_results(results)


def test_the_schema_says_what_it_is():
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    described = schema["definitions"]["system"]["properties"]
    assert all(
        "description" in described[key] for key in ("measures", "per_query", "unjudged@10", "exact")
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r.pop("comparisons"), "comparisons"),
        (lambda r: r.update(version=2), "version must be same as const definition: 1"),
        (lambda r: r.update(other=1), "other"),
        (lambda r: r["systems"].clear(), "systems must contain at least 1"),
        (lambda r: r["systems"][1].update(kind="magic"), r"systems\[1\].kind must be one of"),
        (lambda r: r["systems"][0].update(nonsense=1), r"systems\[0\]"),
        (lambda r: r["systems"][0]["measures"].update(AP="high"), "must be number"),
        (lambda r: r["comparisons"][0].update(p=1.5), r"comparisons\[0\].p must be smaller"),
        (lambda r: r["collection"].pop("fingerprint"), "fingerprint"),
        (lambda r: r["examples"]["queries"][0].pop("query"), "query"),
    ],
)
def test_other_forms_are_refused_with_their_place(results, change, message):
    change(results)
    with pytest.raises(InputError, match=message):
        check_results(results, "x.json")


def test_results_are_read_from_a_file_or_its_folder(results, tmp_path):
    path = tmp_path / "results.json"
    path.write_text(json.dumps(results))
    assert read_results(path) == read_results(tmp_path) == results


@pytest.mark.parametrize("content", [None, "{", "[]", '{"version": 1}'])
def test_what_is_no_results_file_is_refused(tmp_path, content):
    path = tmp_path / "results.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=r"results\.json"):
        read_results(tmp_path)
