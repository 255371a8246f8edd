"""Build the site: the README, the guide, and every public docstring.

    pip install '.[docs]' && python scripts/build_docs.py site/

Writes pages that open from the file system, and fails if a link leads nowhere, or if a docstring
names in `oracle...` what there is not.
"""

import argparse
import html
import importlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import markdown2
import pdoc

import oracle

ROOT = Path(__file__).parents[1]
GUIDE = ROOT / "oracle" / "guide"
NOTEBOOKS = ROOT / "notebooks"

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ max-width: 50rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 system-ui; }}
nav {{ margin-bottom: 2rem; }} nav a {{ margin-right: 0.6rem; white-space: nowrap; }}
pre, code {{ background: #f4f5f7; font-size: 0.9em; }} pre {{ padding: 0.8rem; overflow: auto; }}
table {{ border-collapse: collapse; display: block; overflow: auto; }}
td, th {{ border: 1px solid #d1d9e0; padding: 0.25rem 0.6rem; text-align: left; }}
img {{ max-width: 100%; }}
</style>
<nav>{navigation}</nav>
{body}
</html>
"""

# In the text of a docstring: a name of the package between backticks.
NAME = re.compile(r"`(oracle(?:\.\w+)+)`")
HREF = re.compile(r"""(?:href|src)="([^"]+)\"""")
ANCHOR = re.compile(r"""\bid="([^"]+)\"""")


def documents() -> dict[Path, str]:
    """Find the texts of the site, and the names of their pages."""
    return {ROOT / "README.md": "index.html"} | {
        text: f"{text.stem}.html" for text in sorted(GUIDE.glob("*.md"))
    }


def write_texts(out: Path) -> None:
    """Write a page for each text, with links to the others."""
    pages = documents()
    navigation = " ".join(
        f'<a href="{page}">{"oracle" if page == "index.html" else text.stem}</a>'
        for text, page in pages.items()
    )
    navigation += ' <a href="api/oracle.html">Python</a>'
    for text, page in pages.items():

        def place(match: re.Match[str], text: Path = text) -> str:
            target, mark, anchor = match[1].partition("#")
            path = (text.parent / unquote(target)).resolve() if target else text
            if "://" in match[1]:
                return match[0]
            if path in pages:
                return match[0].replace(match[1], pages[path] + mark + anchor)
            if not path.is_file():
                raise ValueError(f"{text.name} must link to what there is, got {match[1]}")
            copied = out / path.relative_to(ROOT)
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copied)
            return match[0].replace(match[1], copied.relative_to(out).as_posix())

        extras = ["fenced-code-blocks", "tables", "header-ids"]
        body = str(markdown2.markdown(text.read_text("utf-8"), extras=extras))
        title = re.search(r"<h1[^>]*>(.*?)</h1>", body)
        page_of_text = PAGE.format(
            title=html.escape(title[1] if title else text.stem),
            navigation=navigation,
            body=HREF.sub(place, body),
        )
        (out / page).write_text(page_of_text, "utf-8")


def write_docstrings(out: Path) -> None:
    """Write what the front of the package shows, and its public modules."""
    public = [name for name in dir(oracle) if hasattr(getattr(oracle, name), "__path__")]
    public += [name for name in dir(oracle) if hasattr(getattr(oracle, name), "__file__")]
    modules = sorted({f"oracle.{name}" for name in public})
    pdoc.render.configure(docformat="numpy", math=False)
    hidden = [f"!{re.escape(module)}\\..*" for module in modules]
    pdoc.pdoc("oracle", "!oracle\\..*", *modules, *hidden, output_directory=out / "api")


def broken_links(out: Path) -> Iterator[str]:
    """Find links of the site to pages, or to places on pages, that there are not."""
    texts = {page.resolve(): page.read_text("utf-8") for page in out.rglob("*.html")}
    anchors = {page: set(ANCHOR.findall(text)) for page, text in texts.items()}
    for page, text in texts.items():
        for link in HREF.findall(text):
            if re.match(r"[a-z]+:|\$", link):  # elsewhere, or filled in by the search
                continue
            target, _, anchor = html.unescape(link).partition("#")
            path = (page.parent / unquote(target)).resolve() if target else page
            missing = not path.exists() or (
                anchor and path.suffix == ".html" and unquote(anchor) not in anchors[path]
            )
            if missing:
                yield f"{page.relative_to(out.resolve())}: {link}"


def broken_names() -> Iterator[str]:
    """Find names of the package in docstrings and texts that it does not have."""
    sources = {*(ROOT / "oracle").rglob("*.py"), *documents()}
    for source in sources - {GUIDE / "changes.md"}:  # which names what there was
        for name in NAME.findall(source.read_text("utf-8")):
            if not exists(name):
                yield f"{source.relative_to(ROOT)}: {name}"


def exists(name: str) -> bool:
    """Tell whether a dotted name leads to something."""
    first, *others = name.split(".")
    found: object = importlib.import_module(first)
    for place, other in enumerate(others):
        if not hasattr(found, other):
            try:
                importlib.import_module(".".join([first, *others[: place + 1]]))
            except ImportError:
                return False
        found = getattr(found, other)
    return True


def main() -> None:
    """Build the site, and list what is broken."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, help="a new folder, or that of an earlier site")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    write_texts(out)
    write_docstrings(out)
    broken = [*broken_links(out), *broken_names()]
    if broken:
        raise SystemExit("broken links or names:\n" + "\n".join(sorted(set(broken))))
    print(out / "index.html")


if __name__ == "__main__":
    main()
