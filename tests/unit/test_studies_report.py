"""What a study leaves behind: its folder, its place in the documents; and what the command refuses before it begins."""

import json
from inspect import signature
from pathlib import Path

import pytest

from socratic.errors import ConfigError
from socratic.studies import STUDIES, find_study
from socratic.studies.report import FIGURE, Report, between_markers, check_docs, keep_report, write_docs
from tests.unit.in_process import invoke, refusal

REPORT = Report(name="kuhn", section="## Kuhn\n\nIt is so.", results={"a": 1.5}, has_figure=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with the two documents that studies write into."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "studies.md").write_text(
        "# Studies\n\n<!-- kuhn -->\nold\n<!-- end of kuhn -->\n\n<!-- b -->\nkept\n<!-- end of b -->\n"
    )
    (tmp_path / "README.md").write_text("# Top\n\n<!-- recipes -->\n<!-- end of recipes -->\n\n## Further\n")
    return tmp_path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A study's folder with its figure."""
    place = tmp_path / "study"
    place.mkdir()
    (place / FIGURE).write_bytes(b"png")
    return place


def test_a_section_takes_the_place_of_its_former_one(checkout: Path, folder: Path) -> None:
    page = write_docs(REPORT, folder, checkout)
    text = page.read_text()
    assert "old" not in text
    assert text.index("<!-- kuhn -->") < text.index("It is so.") < text.index("figures/kuhn.png") < text.index("<!-- end of kuhn -->")
    assert text.endswith("<!-- b -->\nkept\n<!-- end of b -->\n")
    assert (page.parent / "figures" / "kuhn.png").read_bytes() == b"png"


def test_a_new_section_comes_last() -> None:
    assert between_markers("# A\n", "n", r"\1 as it is") == "# A\n\n<!-- n -->\n\\1 as it is\n<!-- end of n -->\n"


def test_the_recipes_come_into_the_readme(checkout: Path, folder: Path) -> None:
    page = write_docs(Report(name="recipes", section="| a |", page=Path("README.md")), folder, checkout)
    assert page == checkout / "README.md"
    assert page.read_text().startswith("# Top\n\n<!-- recipes -->\n| a |\n\nMeasured with ")
    assert page.read_text().endswith("<!-- end of recipes -->\n\n## Further\n")


def test_the_folder_keeps_numbers_and_section(folder: Path) -> None:
    keep_report(REPORT, folder)
    assert json.loads((folder / "results.json").read_text()) == {"a": 1.5}
    assert (folder / "section.md").read_text() == "## Kuhn\n\nIt is so.\n\n![kuhn](figure.png)\n"


def test_what_could_not_be_written_is_refused_before_it_is_measured(checkout: Path, folder: Path) -> None:
    with pytest.raises(ConfigError, match="quick study measures nothing"):
        check_docs(checkout, is_quick=True)
    with pytest.raises(ConfigError, match="checkout"):
        check_docs(folder, is_quick=False)
    check_docs(checkout, is_quick=False)


def test_the_studies_are_listed() -> None:
    ended = invoke("study", "--list")
    assert ended.code == 0
    assert [line.split()[0] for line in ended.out.splitlines()] == list(STUDIES)


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_can_be_told_what_the_command_tells_it(name: str) -> None:
    assert {"folder", "seeds", "jobs", "is_quick"} <= set(signature(find_study(name)).parameters)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("kuhn",), "no study is called 'kuhn'; known: kuhn_schemes, "),
        (("kuhn_schemes", "--with-smollm2"), "--with-smollm2 is of the study `recipes`"),
        (("kuhn_schemes", "--quick", "--write-docs"), "a quick study measures nothing"),
    ],
)
def test_what_cannot_be_studied_is_one_line(words: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert refusal("study", *words).startswith(said)
    assert not list(tmp_path.iterdir())
