"""The table in docs/troubleshooting.md is the one that the tests walk: no row without a case, no case without a row."""

from __future__ import annotations

import re

import pytest

from meshvm_tui.exit_codes import ExitCode
from meshvm_tui.lab.faults import CATALOG as LAB_FAULTS
from meshvm_tui.lab.google.faults import GOOGLE_FAULTS
from meshvm_tui.lab.guest.package import PACKAGE_FAULTS
from meshvm_tui.lab.guest.vm import GUEST_FAULTS
from meshvm_tui.problem_catalog import CATALOG
from tests.failures import document
from tests.failures.all_cases import CASES
from tests.failures.table import Row, rows

NAMED_FAULT = re.compile(r"--fault ([a-z0-9-]+)")
KNOWN_FAULTS = LAB_FAULTS.keys() | GOOGLE_FAULTS.keys() | GUEST_FAULTS.keys() | PACKAGE_FAULTS.keys()


def test_the_document_holds_the_table_as_it_is() -> None:
    assert document.written() == document.table().strip(), "run: python -m tests.failures.document"


def test_each_row_has_a_case_and_each_case_a_row() -> None:
    assert sorted(row.name for row in rows()) == sorted(CASES), (
        "a row without a case, a case without a row, or one of them twice"
    )


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.name)
def test_a_row_is_proven_by_a_value_that_the_test_makes_up(row: Row) -> None:
    assert row.code in CATALOG
    assert ExitCode(row.exit_code) is not ExitCode.DONE
    assert document.PLACEHOLDER.search(row.cause), "only a made-up value shows who said it"


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.name)
def test_a_fault_that_the_document_names_is_the_one_that_the_case_switches_on(row: Row) -> None:
    named = set(NAMED_FAULT.findall(row.made))
    assert named <= KNOWN_FAULTS
    assert {line.partition(":")[0] for line in CASES[row.name].faults} <= named
