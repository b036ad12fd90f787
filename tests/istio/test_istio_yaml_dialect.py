"""The YAML dialect against outputs of the library it must equal, and as a property.

`go_yaml_pairs.json` holds what sigs.k8s.io/yaml 1.6.0 wrote for each value.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from meshvm_tui.istio import yaml_dialect
from meshvm_tui.istio.yaml_scalars import number_text

PAIRS = json.loads(Path(__file__).with_name("go_yaml_pairs.json").read_text(encoding="utf-8"))

# PyYAML leaves these two to applications, wherever they stand.
TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=120).filter(
    lambda text: text not in ("=", "<<") and "\x85" not in text and "\ufeff" not in text
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=12,
)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: json.dumps(pair["value"])[:60])
def test_equals_the_library(pair: dict[str, Any]) -> None:
    assert yaml_dialect.dump(pair["value"]) == pair["yaml"]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: json.dumps(pair["value"])[:60])
def test_reads_the_library_back(pair: dict[str, Any]) -> None:
    assert yaml_dialect.load(pair["yaml"]) == pair["value"]


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(TEXTS, VALUES, max_size=5))
def test_both_readers_give_the_value_back(value: dict[str, Any]) -> None:
    text = yaml_dialect.dump(value)
    assert yaml_dialect.load(text) == value
    assert yaml.safe_load(text) == value


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="yn0123456789.:-+_exEXTZofaN~ ", max_size=12))
def test_a_string_stays_a_string_for_both_readers(text: str) -> None:
    written = yaml_dialect.dump({"k": text})
    assert yaml_dialect.load(written) == {"k": text}
    assert yaml.safe_load(written) == {"k": text}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: y", {"a": True}),
        ("a: 1:30", {"a": "1:30"}),
        ("a: 2020-01-01", {"a": "2020-01-01"}),
        ("a: 0700", {"a": 448}),
        ("a: 0o17", {"a": 15}),
        ("a: 1e3", {"a": 1000.0}),
        ("a: 1_000", {"a": 1000}),
        ("a: .5_0", {"a": 0.5}),
        ("on: 1\n2: x\n1.5: z", {"true": 1, "2": "x", "1.5": "z"}),
        ("a: 1\na: 2", {"a": 2}),
        ("base: &b {x: 1}\nc: {<<: *b, z: 2}", {"base": {"x": 1}, "c": {"x": 1, "z": 2}}),
        ("a: 1\n---\nb: 2", {"a": 1}),
        ("# only a comment", None),
        ("", None),
    ],
)
def test_reading(text: str, value: Any) -> None:
    assert yaml_dialect.load(text) == value


def test_unreadable_text_names_its_place() -> None:
    with pytest.raises(ValueError, match=r"line 3, column 1"):
        yaml_dialect.load("a: 1\nb: [\n")


@pytest.mark.parametrize("text", ["a: \x07", "a: \x84", "a: \x7f", "\x00"])
def test_a_control_character_is_an_error_of_the_text(text: str) -> None:
    with pytest.raises(ValueError, match="special characters are not allowed"):
        yaml_dialect.load(text)


def test_what_the_library_refuses_to_write_is_named_by_its_place() -> None:
    value = {"a": {"b": ["x", "\x9f"], "c": "\x01\n\x85\xa0\ufffd😀"}, "d\x7f": "\ufffe"}
    assert [*yaml_dialect.unwritable(value)] == ["a.b[1] (U+009F)", "'d\\x7f'", "d\x7f (U+FFFE)"]


def test_python_objects_are_never_made() -> None:
    with pytest.raises(ValueError, match="constructor"):
        yaml_dialect.load("a: !!python/object/apply:os.getcwd []")


def test_keys_are_sorted_naturally() -> None:
    keys = ["A10", "A9", "ISTIO_METAJSON_L", "ISTIO_META_X", "b", "a", "1"]
    assert list(yaml_dialect.load(yaml_dialect.dump(dict.fromkeys(keys, 1)))) == [
        "1",
        "A9",
        "A10",
        "ISTIO_META_X",
        "ISTIO_METAJSON_L",
        "a",
        "b",
    ]


@pytest.mark.parametrize(("number", "text"), [(3.0, "3"), (1e-5, "1e-05"), (123456.5, "123456.5"), (-2.5, "-2.5")])
def test_numbers(number: float, text: str) -> None:
    assert number_text(number) == text


def test_anything_but_json_is_refused() -> None:
    with pytest.raises(TypeError, match="bytes"):
        yaml_dialect.dump({"a": b"x"})
