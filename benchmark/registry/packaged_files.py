"""Where the files that come with bench lie, in a checkout and when installed, and a user's own beside them."""

from __future__ import annotations

from pathlib import Path

from benchmark.errors import UsageError, did_you_mean


def shipped_path(path: str) -> Path:
    """A file that came with bench, by its path in the repository: `shipped_path("configs/budgets")`."""
    package = Path(__file__).parents[1]
    wheel = package / "_shipped"
    return (wheel if wheel.is_dir() else package.parent) / path


def is_checkout(folder: Path) -> bool:
    """Whether a folder is bench's own repository, whose files are the shipped ones and not a project's."""
    return (folder / "benchmark" / "api" / "hookspecs.py").is_file()


def config_folders(kind: str, project: Path) -> list[Path]:
    """The folders `configs/<kind>`: the shipped one, and the project's where it is another."""
    folders = [shipped_path("configs") / kind]
    if not is_checkout(project):
        folders.append(project / "configs" / kind)
    return folders


def config_files(kind: str, project: Path) -> list[Path]:
    """The files in `configs/<kind>`, shipped ones first."""
    files: list[Path] = []
    for folder in config_folders(kind, project):
        files += sorted(folder.glob("*.toml"))
    return files


def is_path(name: str) -> bool:
    """Whether a user means a file, not the name of a configuration."""
    return name.endswith(".toml") or "/" in name or "\\" in name


def find_config(kind: str, name: str, project: Path, *, first: bool = False) -> Path:
    """The file of a configuration given by name or by path.

    Args:
        kind: Folder in `configs`: "budgets", "matrices".
        name: A name, or the path of a TOML file, relative to `project` unless absolute.
        project: The working folder; its own `configs/<kind>` is searched too.
        first: Of two files of that name, the shipped one is meant.

    Raises:
        UsageError: No such file, or two of that name and not `first`.
    """
    if is_path(name):
        return project / name
    files = config_files(kind, project)
    found = [path for path in files if path.stem == name]
    if len(found) > 1 and not first:
        raise UsageError(f"{found[0]} and {found[1]} share the name '{name}'; rename the second, or give its path")
    if not found:
        names = sorted({path.stem for path in files})
        raise UsageError(
            f"configs/{kind} holds no '{name}'.{did_you_mean(name, names)} Known: {', '.join(names)}; or give a path"
        )
    return found[0]
