"""Texts that a shell, a YAML parser or a JSON writer may misread, and the ways in which people write a document."""

from __future__ import annotations

import json
from typing import Any

import yaml
from hypothesis import strategies as st

JSON = dict[str, Any]

TRICKY = (
    *("", " ", "yes", "on", "N", "null", "~", "true", "1e3", "0x10", "0o7", "0700", "1_000", "1:30", "2020-01-01"),
    *(".inf", "+1", "-", ".", "www", "=", "<<", "@a", "%a", "{a}", "[a]", "&a", "!a", "*", "|", ">", "?", "? a", ":"),
    *(
        "a:",
        "a: b",
        "- x",
        "--- a",
        "...",
        "# x",
        "a # b",
        "a #",
        " lead",
        "trail ",
        "a\tb",
        "a\nb",
        "a\n",
        "\n",
        "\n\n",
    ),
    *("a\n b", " a\nb", "a \nb", "it's", "''", '"', 'say "x"', "$(id)", "`id`", "$HOME", "a;b", "a&&b", "a\\b", "\\"),
    *("<&>", "é", "日本", "😀", "\u00a0", "a\u0301", "\x7f", "\x01", "\r", "a\r\nb", "café it's\n日本"),
    "a long text with spaces " * 6,
    "one-very-long-word-" * 9,
    "it's a long text with quotes " * 5,
    "two lines, of which the first is a long one with many words so that it must be folded\nand a second",
)


def texts() -> st.SearchStrategy[str]:
    """Any text that JSON carries; what is tricky more often than chance would have it."""
    # Control characters are refused by both tools, and would hide the rest; those of TRICKY are enough.
    free = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn")), max_size=30)
    plain = st.text("abcwxyz019.-_/ ", min_size=1, max_size=24)
    return st.one_of(st.sampled_from(TRICKY), plain, free)


def env_names() -> st.SearchStrategy[str]:
    """Names of shell variables; those that Istio sets itself among them."""
    own = ("ISTIO_META_DNS_CAPTURE", "ISTIO_META_CLUSTER_ID", "ISTIO_META_AUTO_REGISTER_GROUP", "ISTIO_INBOUND_PORTS")
    other = ("CA_ADDR", "PROXY_XDS_VIA_AGENT", "ISTIO_META_A9", "ISTIO_META_A10", "ON", "yes", "_", "ISTIO_META", "N")
    return st.one_of(st.sampled_from((*own, *other)), st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,12}", fullmatch=True))


def _block(document: JSON) -> str:
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


def _wide(document: JSON) -> str:
    return yaml.safe_dump(document, width=4096)


def _quoted(document: JSON) -> str:
    return yaml.safe_dump(document, default_style='"')


def _literal(document: JSON) -> str:
    return yaml.safe_dump(document, default_style="|", allow_unicode=True)


def _folded(document: JSON) -> str:
    return yaml.safe_dump(document, default_style=">", allow_unicode=True, width=30)


def _flow(document: JSON) -> str:
    return yaml.safe_dump(document, default_flow_style=True)


def _json(document: JSON) -> str:
    return json.dumps(document, ensure_ascii=False)


def _indented_json(document: JSON) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2)


def _with_comments(document: JSON) -> str:
    return f"# before\n---\n{_block(document)}# after\n"


def _more_documents(document: JSON) -> str:
    return f"{_block(document)}---\nsecond: document\n"


def _with_carriage_returns(document: JSON) -> str:
    return _quoted(document).replace("\n", "\r\n")


WRITERS = (
    *(_block, _wide, _quoted, _literal, _folded, _flow, _json, _indented_json),
    *(_with_comments, _more_documents, _with_carriage_returns),
)


def written(documents: st.SearchStrategy[JSON]) -> st.SearchStrategy[str]:
    """A document as somebody may have written it."""
    return st.builds(lambda document, write: write(document), documents, st.sampled_from(WRITERS))
