"""Digests of the code of plugins, by which results of other code than today's are found.

Only files are read, and nothing is imported: which modules a file needs is found in its import statements.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmark.api.spec import Kind, PluginSpec
from benchmark.errors import PluginError
from benchmark.registry.packaged_files import shipped_path
from benchmark.registry.registry import SHIPPED, Registry

DIGEST_LENGTH = 16
CORE = "benchmark"
CORE_FOLDERS = ("api", "stages")
"""Of the core, the part whose code decides what a stage comes to; planning, running and reporting do not."""
PLUGIN_FIELDS: Mapping[str, Kind] = {
    "dataset": "dataset",
    "translator": "translator",
    "segmenter": "segmenter",
    "auxiliary_segmenter": "segmenter",
    "metric": "metric",
}
"""Fields of the specification of a stage that name a plugin, and the kind of it."""


class CodeDigests:
    """Digests of plugin code as it is on disk; every file is read once in the life of the object.

    One object is for the plugins of one project folder.
    """

    def __init__(self) -> None:
        self._imports: dict[Path, tuple[str, ...]] = {}
        self._digests: dict[tuple[Path, ...], str] = {}
        self._of_files: dict[tuple[str, str], str] = {}
        self._core: tuple[Path, ...] = ()
        self._files: dict[str, tuple[Path, ...]] = {}
        self._packages: dict[tuple[str, str], dict[str, str]] = {}

    def of_stage(self, spec: Mapping[str, Any], registry: Registry) -> dict[str, str]:
        """Digests of the packages whose code a stage runs, by name.

        For each plugin that the specification names: the top-level package of its module, and the packages of the same
        distribution or of bench's own plugins that it imports, directly or through each other. The core is one more.

        Args:
            spec: `benchmark.plan.model.Stage.spec`.
            registry: Where its plugins are found; one that is not there is left out.
        """
        found = {CORE: self._core_digest()}
        for plugin in plugins_of(spec, registry):
            found |= self.of_packages(plugin, registry.project)
        return dict(sorted(found.items()))

    def of_packages(self, plugin: PluginSpec, project: Path) -> dict[str, str]:
        """Digests of the packages that a plugin is made of, by name; without the files of `of_files`."""
        place = (plugin.entry, plugin.distribution)
        if place not in self._packages:
            self._packages[place] = dict(self._package_digests(plugin, project))
        return self._packages[place]

    def of_files(self, plugin: PluginSpec, project: Path) -> str:
        """One digest of the files of a plugin that is given as a file, empty for a plugin in a package.

        It covers the file and the modules of the project folder that it imports, directly or through each other.
        """
        place = (plugin.entry, plugin.options)
        if place not in self._of_files:
            self._of_files[place] = self._digest(self._project_files(plugin, project), relative_to=project)
        return self._of_files[place]

    def read_packages(self, modules: Iterable[str]) -> None:
        """Read bench's own packages among those of some modules, and what these import."""
        waiting = [_top(name) for name in modules]
        seen: set[str] = set()
        self._core_digest()
        while waiting:
            package = waiting.pop()
            if package in seen or package not in own_packages():
                continue
            seen.add(package)
            files = self._files_of(package)
            self._digest(files)
            waiting += self._imported_packages(files)

    def _package_digests(self, plugin: PluginSpec, project: Path) -> Iterator[tuple[str, str]]:
        start = _module(plugin.entry)
        followed = set(own_packages())
        if start.endswith(".py"):  # the file itself is part of the key, by `of_files`
            waiting = self._imported_packages(self._project_files(plugin, project))
        else:
            waiting = [_top(start)]
            followed |= _sibling_packages(start, plugin.distribution) | {_top(start)}
        seen: set[str] = set()
        while waiting:
            package = waiting.pop()
            if package in seen or package == CORE or package not in followed:
                continue
            seen.add(package)
            files = self._files_of(package)
            yield package, self._digest(files)
            waiting += self._imported_packages(files)

    def _project_files(self, plugin: PluginSpec, project: Path) -> tuple[Path, ...]:
        """Files that the import strings of a plugin name, and the files of the project that these import."""
        modules = [_module(entry) for entry in (plugin.entry, plugin.options)]
        waiting = [Path(module) for module in modules if module.endswith(".py")]
        seen: set[Path] = set()
        while waiting:
            file = waiting.pop()
            if file in seen or not file.is_file():
                continue
            seen.add(file)
            for name in self._imported_names(file):
                waiting += _module_files(name, project)
        return tuple(sorted(seen))

    def _files_of(self, package: str) -> tuple[Path, ...]:
        if package not in self._files:
            self._files[package] = package_files(package)
        return self._files[package]

    def _core_digest(self) -> str:
        if not self._core:
            root = Path(__file__).parents[1]
            for folder in CORE_FOLDERS:
                self._core += tuple(sorted((root / folder).rglob("*.py")))
        return self._digest(self._core)

    def _imported_packages(self, files: Iterable[Path]) -> list[str]:
        """Top-level names of all that some files import."""
        packages: list[str] = []
        for file in files:
            packages += [_top(name) for name in self._imported_names(file)]
        return packages

    def _imported_names(self, file: Path) -> tuple[str, ...]:
        if file not in self._imports:
            self._imports[file] = imported_modules(file)
        return self._imports[file]

    def _digest(self, files: tuple[Path, ...], relative_to: Path | None = None) -> str:
        """One digest of the names and contents of files; empty for no files."""
        if files and files not in self._digests:
            total = hashlib.sha256()
            for file in files:
                # names without the folder above them: the same files give the same digest on every machine
                inside = relative_to is not None and file.is_relative_to(relative_to)
                name = file.relative_to(relative_to) if relative_to and inside else file.name
                content = hashlib.sha256(file.read_bytes()).hexdigest()
                total.update(f"{name}\n{content}\n".encode())
            self._digests[files] = total.hexdigest()[:DIGEST_LENGTH]
        return self._digests.get(files, "")


def plugins_of(spec: Mapping[str, Any], registry: Registry) -> Iterator[PluginSpec]:
    """The plugins that the specification of a stage names, as far as they are known."""
    for kind, identity in plugin_identities_of(spec):
        try:
            yield registry.find(kind, identity["name"])
        except PluginError:  # its stage will fail with this error
            continue


def plugin_identities_of(spec: Mapping[str, Any]) -> Iterator[tuple[Kind, Mapping[str, Any]]]:
    """Kind and identity of every plugin that the specification of a stage names."""
    for name, kind in PLUGIN_FIELDS.items():
        if name in spec:
            yield kind, spec[name]


def changed_code(stored: Mapping[str, str], today: Mapping[str, str]) -> tuple[str, ...]:
    """Names of the packages whose digests differ; nothing where no digest is stored.

    >>> changed_code({"bench_gan": "1", "benchmark": "2"}, {"bench_gan": "3", "benchmark": "2"})
    ('bench_gan',)
    """
    if not stored:
        return ()
    return tuple(name for name in sorted({*stored, *today}) if stored.get(name) != today.get(name))


def own_packages() -> tuple[str, ...]:
    """Top-level packages of the plugins that come with bench."""
    folder = shipped_path("plugins")
    if folder.is_dir():
        return tuple(sorted(path.name for path in folder.iterdir() if path.is_dir()))
    return tuple(sorted(_packages_of_distribution(SHIPPED)))


def package_files(package: str) -> tuple[Path, ...]:
    """The Python files of a top-level package or module, sorted; empty when it is not found."""
    location = _location(package)
    if location is None:
        return ()
    return tuple(sorted(location.rglob("*.py"))) if location.is_dir() else (location,)


def imported_modules(file: Path) -> tuple[str, ...]:
    """Dotted names that the import statements of a file name, those inside functions included.

    `from a import b` gives `a` and `a.b`, for `b` may be a module. A name of a relative import starts with dots, as it
    is written. A file that cannot be parsed gives nothing: importing it will fail.
    """
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return ()
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += _imported_from(node, file)
    return tuple(dict.fromkeys(names))


def _imported_from(node: ast.ImportFrom, file: Path) -> Iterator[str]:
    base = "." * node.level + (node.module or "")
    yield base
    for alias in node.names:
        yield f"{base}{alias.name}" if base.endswith(".") else f"{base}.{alias.name}"


def _module_files(name: str, project: Path) -> Iterator[Path]:
    """Files of the project folder that importing a module by an absolute name would run."""
    folder = project
    for part in name.split("."):
        if not part:  # a relative import: the files of a package that is walked as a whole below
            return
        for file in (folder / f"{part}.py", folder / part / "__init__.py"):
            if file.is_file():
                yield file
        folder /= part
    if (project / _top(name) / "__init__.py").is_file():
        yield from sorted((project / _top(name)).rglob("*.py"))


def _sibling_packages(module: str, distribution_name: str) -> set[str]:
    """Top-level packages of a module's distribution: those that this lists, or what lies in the same folder."""
    location = _location(_top(module))
    if location is None:
        return set()
    root = location.parent
    if root.name in ("site-packages", "dist-packages"):
        return _packages_of_distribution(distribution_name)
    # an editable install or a source tree, whose distribution lists no files
    return {path.stem for path in root.iterdir() if path.is_dir() or path.suffix == ".py"}


def _location(package: str) -> Path | None:
    """The folder of a top-level package, or the file of a top-level module; None when there is no source of it."""
    try:
        found = find_spec(package)
    except (ImportError, ValueError):
        return None
    if found is None:
        return None
    if found.submodule_search_locations:
        return Path(next(iter(found.submodule_search_locations)))
    return Path(found.origin) if found.origin and found.origin.endswith(".py") else None


def _packages_of_distribution(name: str) -> set[str]:
    """Top-level packages that an installed distribution lists."""
    try:
        files = distribution(name).files or []
    except (PackageNotFoundError, ValueError):
        return set()
    return {file.parts[0].removesuffix(".py") for file in files if file.suffix == ".py"} - {CORE}


def _module(entry: str) -> str:
    return entry.rpartition(":")[0]


def _top(module: str) -> str:
    return module.partition(".")[0]
