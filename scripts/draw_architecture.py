"""Write oracle/guide/architecture.md: what the package is made of, and what imports what.

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

# By entry of the package: the other entries that it imports.
Imports = Mapping[str, set[str]]

INTRODUCTION = """\
# Architecture

What the package is made of, and what imports what.

Arrays and audio are at the bottom, the command is at the top. A file or folder of `oracle/` imports
only what stands below it. `scripts/draw_architecture.py` makes this page from the code.
"""


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


def bottom_up(imports: Imports) -> list[str]:
    """Order entries so that each stands after what it imports; those that could tie by name."""
    height: dict[str, int] = {}
    for entry in TopologicalSorter(imports).static_order():
        height[entry] = 1 + max((height[other] for other in imports[entry]), default=0)
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
    lines = [INTRODUCTION, "```mermaid", "flowchart BT"]
    lines += [
        f"    {other} --> {entry}"
        for entry, others in sorted(without_detours(imports).items())
        for other in sorted(others)
    ]
    lines += ["```", "", "| entry | what | imports |", "|---|---|---|"]
    for entry in reversed(bottom_up(imports)):
        text = ast.get_docstring(ast.parse(known[f"{PACKAGE.name}.{entry}"].read_text("utf-8")))
        what = (text or "").splitlines()[0].rstrip(".")
        lines.append(f"| `{entry}` | {what} | {', '.join(sorted(imports[entry]))} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    GUIDE.write_text(page(), "utf-8")
    print(GUIDE)
