"""The architecture page names every file of the core; run as a script, this module writes its tree anew."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "architecture.md"
START, END = "<!-- tree -->\n", "<!-- /tree -->"


def modules():
    """All modules of the core, folder by folder, the file that describes the folder first."""
    paths = [path.relative_to(ROOT) for path in (ROOT / "benchmark").rglob("*.py")]
    return sorted(paths, key=lambda path: (path.parent.as_posix(), path.name != "__init__.py", path.name))


def packages():
    """The files that describe the shipped packages of plugins."""
    return sorted(path.relative_to(ROOT) for path in (ROOT / "plugins").glob("*/__init__.py"))


def first_sentence(path):
    """The first paragraph of a module's docstring, up to its first full stop."""
    paragraph = (ast.get_docstring(ast.parse((ROOT / path).read_text())) or "").split("\n\n")[0]
    return re.split(r"(?<=\.)\s", " ".join(paragraph.split()))[0]


def tree():
    """A table of folders and files of the core and of packages of plugins, each with what it is for."""
    lines = ["| file | |", "| --- | --- |"]
    for path in modules():
        name = f"**`{path.parent.as_posix()}/`**" if path.name == "__init__.py" else f"`{path.as_posix()}`"
        lines.append(f"| {name} | {first_sentence(path)} |")
    lines += [f"| **`{path.parent.as_posix()}/`** | {first_sentence(path)} |" for path in packages()]
    return "\n".join(lines) + "\n"


def written_tree():
    return PAGE.read_text().partition(START)[2].partition(END)[0]


def test_the_page_has_every_module_with_what_it_is_for_and_no_other():
    assert written_tree() == tree(), "write it anew: python tests/test_architecture_page.py"


@pytest.mark.parametrize("path", modules(), ids=str)
def test_a_module_says_in_one_sentence_why_it_exists(path):
    assert first_sentence(path).endswith(".")


def test_every_path_that_the_page_names_is_there():
    named = re.findall(r"`((?:benchmark|plugins|configs|tests)/[\w./]*|registry\.toml)`", PAGE.read_text())
    missing = [name for name in named if not (ROOT / name).exists()]
    assert len(named) > len(modules())
    assert missing == []


def test_the_layers_of_the_page_are_those_that_are_checked():
    settings = (ROOT / "pyproject.toml").read_text()
    layers = re.findall(r'"(.+)"', re.search(r"\nlayers = \[\n(.*?)\]", settings, re.DOTALL)[1])
    assert " > ".join(layers) in PAGE.read_text()


if __name__ == "__main__":
    before, _, rest = PAGE.read_text().partition(START)
    PAGE.write_text(before + START + tree() + END + rest.partition(END)[2])
    subprocess.run(["git", "-C", ROOT, "diff", "--stat", "--", PAGE], check=True)
