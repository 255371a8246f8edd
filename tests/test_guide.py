"""The guide: every topic is listed and shown, and no link of a document leads nowhere."""

import re
from pathlib import Path

import pytest
from conftest import Run

from oracle.cli.guide import TOPICS, read_summary, read_topic

ROOT = Path(__file__).parents[1]
GUIDE = ROOT / "oracle" / "guide"
DOCUMENTS = (ROOT / "README.md", *sorted(GUIDE.glob("*.md")))

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def without_code(text: str) -> str:
    """Leave out blocks of code, in which # starts no heading and brackets are no links."""
    fenced = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"^    .*$", "", fenced, flags=re.MULTILINE)


def code_of(text: str) -> str:
    return "\n".join(re.findall(r"^```.*?^```$", text, re.MULTILINE | re.DOTALL))


def test_code_fits_a_terminal() -> None:
    """So that it can be copied from one of 80 columns, where a code block has a margin."""
    for document in DOCUMENTS:
        for line in code_of(document.read_text("utf-8")).splitlines():
            if line.startswith((">>>", "...", "    ")):
                assert len(line) <= 78, (document.name, line)


def anchors_of(document: Path) -> set[str]:
    """Name the headings of a document as links do: lower case, hyphens, no punctuation."""
    headings = re.findall(r"^#+ (.+)$", without_code(document.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_topics_are_the_files_of_the_guide() -> None:
    assert sorted(TOPICS) == [document.stem for document in DOCUMENTS[1:]]


def test_the_readme_links_to_every_topic_in_the_order_of_the_list() -> None:
    text = DOCUMENTS[0].read_text("utf-8").partition("## Guide\n")[2]
    assert tuple(re.findall(r"^\| \[(\w+)\]\(oracle/guide/\1\.md\) \|", text, re.M)) == TOPICS


def test_topics_are_listed_with_a_line_each(run: Run) -> None:
    status, out, err = run("guide")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    for topic, line in zip(TOPICS, lines, strict=False):
        assert line.split(maxsplit=1) == [topic, line.split(maxsplit=1)[1]]
        assert line.split(maxsplit=1)[1].strip() == read_summary(topic)
    assert "oracle guide TOPIC" in lines[-1]


@pytest.mark.parametrize("topic", TOPICS)
def test_a_topic_begins_with_a_title_and_a_summary(topic: str) -> None:
    title, summary, *_ = read_topic(topic).split("\n\n")
    assert re.fullmatch(r"# \w[\w ]+", title)
    assert re.fullmatch(r"[A-Z][^`\[]*[^`]\.", summary)
    assert "\n" not in summary


@pytest.mark.parametrize("topic", TOPICS)
def test_a_topic_is_shown(run: Run, topic: str) -> None:
    status, out, err = run("guide", topic)
    assert (status, err) == (0, "")
    words = " ".join(out.split())
    assert read_summary(topic) in words
    for heading in re.findall(r"^#+ (.+)$", without_code(read_topic(topic)), re.MULTILINE):
        assert heading in words
    assert ".md" not in out
    assert re.findall(r"\S*\]\(\S*", out) == re.findall(r"\S*\]\(\S*", code_of(read_topic(topic)))
    assert "![" not in out


@pytest.mark.parametrize("topic", TOPICS)
def test_nothing_is_cut_in_a_narrow_terminal(
    run: Run, monkeypatch: pytest.MonkeyPatch, topic: str
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    out = run("guide", topic).out
    assert "…" not in out
    assert max(map(len, out.splitlines())) <= 80


def test_links_between_topics_name_the_command(run: Run) -> None:
    out = " ".join(run("guide", "conventions").out.split())
    assert "resumes it (oracle guide runs)" in out
    out = " ".join(run("guide", "certified_bounds").out.split())
    assert "of another class, or" in out
    assert "notebooks/certified_bounds.ipynb derives them" in out
    out = " ".join(run("guide", "python").out.split())
    assert "array API (https://data-apis.org/array-api/)" in out


def test_another_topic_is_wrong_usage(run: Run) -> None:
    status, out, err = run("guide", "certified")
    assert (status, out) == (2, "")
    topics = ", ".join(TOPICS)
    assert f"topic must be one of {topics}, got 'certified'" in err
    assert err.endswith("(did you mean certified_bounds?)\n")
    assert run("guide", "xyz").err.endswith("got 'xyz'\n")
    assert run("guide", "../guide/runs").status == 2


def test_help_shows_an_example_and_is_listed(run: Run) -> None:
    assert "oracle guide certified_bounds" in run("guide", "--help").out
    assert re.search(r"\bguide\b .*Read the guide", run("--help").out)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.stem)
def test_links_lead_somewhere(document: Path) -> None:
    for link in LINK.findall(without_code(document.read_text("utf-8"))):
        if re.match(r"https?:", link):
            continue
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        assert target.is_file(), link
        if anchor:
            assert anchor in anchors_of(target), link
