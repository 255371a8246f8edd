"""Write oracle/guide/architecture.md and its picture: what imports what in the package.

    python scripts/draw_architecture.py

Everything in it is read from the code, and a test asks whether it still holds.
"""

import ast
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "oracle"
GUIDE = PACKAGE / "guide" / "architecture.md"
PICTURE = GUIDE.with_suffix(".svg")

# By entry of the package: the other entries that it imports.
Imports = Mapping[str, set[str]]

INTRODUCTION = """\
# Architecture

What the package is made of, and what imports what.

Arrays and audio are at the bottom, the command is at the top. A file or folder of `oracle/` imports
only what stands below it. A line that another path implies is left out of the picture.
`scripts/draw_architecture.py` makes this page from the code.

![What imports what](architecture.svg)
"""

# Of the picture, in pixels.
BOX_WIDTH, BOX_HEIGHT, GAP, ROW = 112, 34, 22, 84


def modules() -> dict[str, Path]:
    """Find the modules of the package, by their dotted names."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts).removesuffix(".__init__")] = path
    return found


def imported_by(path: Path, known: Mapping[str, Path]) -> Iterator[str]:
    """Tell which modules of the package a file imports: at its top, in functions, or for types."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.ImportFrom) or not node.module:
            continue
        if node.module.partition(".")[0] != PACKAGE.name:
            continue
        for alias in node.names:
            name = f"{node.module}.{alias.name}"
            yield name if name in known else node.module


def module_imports() -> dict[str, set[str]]:
    """Tell which modules of the package each imports; what the front shows is not followed."""
    known = modules()
    return {
        name: set(imported_by(path, known)) - {name, PACKAGE.name} for name, path in known.items()
    }


def entry_imports() -> dict[str, set[str]]:
    """Tell which entries of the package, files or folders, each imports."""
    found: dict[str, set[str]] = {}
    for name, others in module_imports().items():
        if name == PACKAGE.name:
            continue
        entry = name.split(".")[1]
        found.setdefault(entry, set()).update(other.split(".")[1] for other in others)
        found[entry].discard(entry)
    return found


def heights(imports: Imports) -> dict[str, int]:
    """Tell how high each entry stands: 1 if it imports none, else 1 above what it imports."""
    height: dict[str, int] = {}
    for entry in TopologicalSorter(imports).static_order():
        height[entry] = 1 + max((height[other] for other in imports[entry]), default=0)
    return height


def bottom_up(imports: Imports) -> list[str]:
    """Order entries so that each stands after what it imports; those that could tie by name."""
    height = heights(imports)
    return sorted(height, key=lambda entry: (height[entry], entry))


def without_detours(imports: Imports) -> dict[str, set[str]]:
    """Leave out what is imported anyway, by something else that is imported."""
    reached: dict[str, set[str]] = {}
    for entry in bottom_up(imports):
        reached[entry] = set().union(*({o} | reached[o] for o in imports[entry]))
    return {
        entry: {o for o in others if not any(o in reached[more] for more in others)}
        for entry, others in imports.items()
    }


def page() -> str:
    """Write the page."""
    imports = entry_imports()
    known = modules()
    lines = [INTRODUCTION, "| entry | what | imports |", "|---|---|---|"]
    for entry in reversed(bottom_up(imports)):
        text = ast.get_docstring(ast.parse(known[f"{PACKAGE.name}.{entry}"].read_text("utf-8")))
        what = (text or "").splitlines()[0].rstrip(".")
        lines.append(f"| `{entry}` | {what} | {', '.join(sorted(imports[entry]))} |")
    return "\n".join(lines) + "\n"


def picture() -> str:
    """Draw the entries in rows, each above what it imports, and lines between them, as SVG."""
    imports = entry_imports()
    lines, height = without_detours(imports), heights(imports)
    rows: list[list[str]] = [[] for _ in range(max(height.values()))]
    for entry, level in sorted(height.items()):
        rows[-level].append(entry)
    width = max(map(len, rows)) * (BOX_WIDTH + GAP) + GAP
    places: dict[str, tuple[float, float]] = {}
    for number, row in enumerate(rows):

        def centre(entry: str) -> tuple[float, str]:
            above = [places[other][0] for other in places if entry in lines[other]]
            return sum(above) / len(above) if above else width / 2, entry

        start = (width - len(row) * (BOX_WIDTH + GAP) + GAP) / 2
        for place, entry in enumerate(sorted(row, key=centre)):
            left = start + place * (BOX_WIDTH + GAP)
            places[entry] = left + BOX_WIDTH / 2, GAP + number * ROW + BOX_HEIGHT / 2
    total = GAP + len(rows) * ROW - (ROW - BOX_HEIGHT) + GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {total}" '
        f'width="{width}" height="{total}" font-family="sans-serif" font-size="14">',
        f'<rect width="{width}" height="{total}" fill="white"/>',
    ]
    for entry, others in sorted(lines.items()):
        for other in sorted(others):
            (x, y), (to_x, to_y) = places[entry], places[other]
            y, to_y = y + BOX_HEIGHT / 2, to_y - BOX_HEIGHT / 2
            bend = (to_y - y) / 2
            parts.append(
                f'<path d="M{x:g} {y:g} C{x:g} {y + bend:g} {to_x:g} {to_y - bend:g} '
                f'{to_x:g} {to_y:g}" fill="none" stroke="#8a94a3" stroke-width="1.5"/>'
            )
    for entry, (x, y) in sorted(places.items()):
        parts.append(
            f'<rect x="{x - BOX_WIDTH / 2:g}" y="{y - BOX_HEIGHT / 2:g}" width="{BOX_WIDTH}" '
            f'height="{BOX_HEIGHT}" rx="6" fill="#eef2f7" stroke="#5b6775"/>'
            f'<text x="{x:g}" y="{y + 5:g}" text-anchor="middle">{entry}</text>'
        )
    return "\n".join([*parts, "</svg>"]) + "\n"


if __name__ == "__main__":
    GUIDE.write_text(page(), "utf-8")
    PICTURE.write_text(picture(), "utf-8")
    print(GUIDE, PICTURE, sep="\n")
