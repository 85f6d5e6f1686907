"""Finds the images and labels of a `folder` data set and matches them by name."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from bench_datasets.faults import gathered
from bench_datasets.options import FolderOptions, SplitOptions
from benchmark import DataError, did_you_mean

DATA_VARIABLE = "BENCH_DATA"
IMAGE_ENDINGS = frozenset((".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".tif", ".tiff", ".webp"))


class Pair(NamedTuple):
    """An image and, in labelled sets, its label."""

    image: Path
    label: Path | None


def find_root(root: str, environment: Mapping[str, str] = os.environ) -> Path:
    """The data set's folder: absolute, or under $BENCH_DATA, or in the working folder; `DataError` if neither is."""
    path = Path(root).expanduser()
    data = environment.get(DATA_VARIABLE)
    places = [Path(data).expanduser() / path] if data and not path.is_absolute() else []
    places.append(path if path.is_absolute() else Path.cwd() / path)
    for place in places:
        if place.is_dir():
            return place
    looked = " and ".join(str(place) for place in places)
    hint = "mend `root`" if path.is_absolute() else f"set {DATA_VARIABLE} to the folder that holds it, or mend `root`"
    raise DataError(f"data folder '{root}' not found; looked at {looked}; {hint}")


def find_pairs(root: Path, options: FolderOptions, split: SplitOptions, name: str) -> dict[str, Pair]:
    """The samples of one split by id, in the order of its list file or of their names."""
    folders = _folders(split.images or options.images)
    where = _joined(root, folders)
    images = _by_id(root, folders, options.image_suffix)
    chosen = _listed(root, split.list, images, options.image_suffix) if split.list else images
    chosen = {key: path for key, path in chosen.items() if _stem(key) not in options.exclude}
    if chosen:
        chosen = _selected(chosen, split, name)
    if not chosen:
        raise DataError(
            f"split '{name}' is empty: no image{_ending(options.image_suffix)} in {where}; put some there, or "
            "mend `images`, `list`, `include` or `exclude`"
        )
    wanted = options.labels if split.labels is None else split.labels
    if not wanted:
        return {key: Pair(path, None) for key, path in chosen.items()}
    label_folders = _folders(wanted)
    labels = Names(_by_id(root, label_folders, options.label_suffix))
    _check_labels(chosen, labels, _joined(root, label_folders), options)
    if not split.list and not any(map(_is_glob, folders)):  # lists and globs leave out images on purpose
        _check_images(where, labels, options, root)
    return {key: Pair(path, labels.path(key)) for key, path in chosen.items()}


class Names:
    """Files by id, or by the last part of their id where that is unique."""

    def __init__(self, by_id: Mapping[str, Path]) -> None:
        self.by_id = by_id
        self.by_stem: dict[str, str | None] = {}
        for key in by_id:
            stem = _stem(key)
            self.by_stem[stem] = None if stem in self.by_stem else key

    def find(self, key: str) -> str | None:
        """The full id that `key` means, if there is just one."""
        return key if key in self.by_id else self.by_stem.get(_stem(key))

    def path(self, key: str) -> Path | None:
        """The file that `key` means, if there is just one."""
        found = self.find(key)
        return None if found is None else self.by_id[found]


def _by_id(root: Path, folders: Sequence[str], suffix: str) -> dict[str, Path]:
    """Image files of all folders and globs by their path without base folder, suffix and ending."""
    found: dict[str, Path] = {}
    for folder in folders:
        base, paths = _search(root, folder)
        for path in sorted(paths):
            if not _is_image(path, suffix):
                continue
            key = (path.relative_to(base).parent / path.stem.removesuffix(suffix)).as_posix()
            if key in found:
                raise DataError(
                    f"two files of one name: {found[key]} and {path}; keep one, or narrow the glob to one ending"
                )
            found[key] = path
    return found


def _folders(value: str | Sequence[str]) -> tuple[str, ...]:
    """The folders and globs of an option that takes one or several."""
    return (value,) if isinstance(value, str) else tuple(value)


def _joined(root: Path, folders: Sequence[str]) -> str:
    """Folders and globs as a part of a sentence."""
    return " or ".join(str(root / folder) for folder in folders)


def _selected(images: Mapping[str, Path], split: SplitOptions, name: str) -> dict[str, Path]:
    """The images that match a pattern of `include`, where it has any, and none of `exclude`."""
    included = _matching(images, split.include, "include", name) if split.include else set(images)
    excluded = _matching(images, split.exclude, "exclude", name)
    return {key: path for key, path in images.items() if key in included - excluded}


def _matching(images: Mapping[str, Path], patterns: Sequence[str], option: str, name: str) -> set[str]:
    """Ids that match one of some patterns; a pattern that matches nothing is refused, as a misspelt one would be."""
    matching: set[str] = set()
    for pattern in patterns:
        hits = {key for key in images if fnmatchcase(key, pattern) or fnmatchcase(_stem(key), pattern)}
        if not hits:
            raise DataError(
                f"split '{name}': `{option}` has the pattern '{pattern}', which matches none of its {len(images)} "
                f"images, such as '{next(iter(images))}'; mend it, or take it away"
            )
        matching |= hits
    return matching


def _is_image(path: Path, suffix: str) -> bool:
    """Whether the name says so; hidden files are litter of operating systems."""
    named = path.stem.endswith(suffix) and path.stem != suffix and not path.name.startswith(".")
    return named and path.suffix.lower() in IMAGE_ENDINGS


def _is_glob(pattern: str) -> bool:
    return bool(set(pattern) & set("*?["))


def _search(root: Path, pattern: str) -> tuple[Path, Iterable[Path]]:
    """The folder that ids are relative to, and the files of a folder or glob."""
    parts = Path(pattern).parts
    fixed = next((index for index, part in enumerate(parts) if _is_glob(part)), len(parts))
    base = root.joinpath(*parts[:fixed])
    if not base.is_dir():
        near = did_you_mean(base.name, (p.name for p in base.parent.iterdir())) if base.parent.is_dir() else ""
        raise DataError(f"folder {base} not found; mend `images` or `labels`, which are relative to {root}.{near}")
    return base, base.glob("/".join(parts[fixed:]) or "**/*")


def _listed(root: Path, list_name: str, images: dict[str, Path], suffix: str) -> dict[str, Path]:
    """The images that a list file names, in its order."""
    file = root / list_name
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"list file {file} cannot be read ({reason}); mend `list`") from error
    names, ids = Names(images), {path: key for key, path in images.items()}
    chosen: dict[str, Path] = {}
    for number, line in enumerate(lines, 1):
        if not (entry := line.strip()):
            continue
        key = ids.get(root / entry) or names.find(_without_ending(entry, suffix))
        if key is None:
            raise DataError(f"{file}, line {number}: no single image is called '{entry}'; a stem or a path is expected")
        chosen[key] = images[key]
    return chosen


def _check_labels(images: Mapping[str, Path], labels: Names, where: str, options: FolderOptions) -> None:
    """Refuse images without label."""
    missing = [key for key in images if labels.find(key) is None]
    if not missing:
        return
    first = missing[0]
    expected = f"{_stem(first)}{options.label_suffix}.png"
    fault = f"{images[first]} has no label: expected {expected} in {where}; add it, or list the stem in `exclude`"
    raise gathered([fault] * len(missing), missing)


def _check_images(where: str, labels: Names, options: FolderOptions, root: Path) -> None:
    """Refuse labels without image; those of other splits, which may lie in the same folder, have theirs there."""
    wanted = {labels.find(key) for key in _images_of_all_splits(root, options)}
    lone = [key for key in labels.by_id if key not in wanted and _stem(key) not in options.exclude]
    if not lone:
        return
    expected = f"{_stem(lone[0])}{options.image_suffix}"
    fault = (
        f"{labels.by_id[lone[0]]} has no image: expected {expected} with the ending of an image in {where}; add it, "
        "remove the label, or list the stem in `exclude`"
    )
    raise gathered([fault] * len(lone), lone)


def _images_of_all_splits(root: Path, options: FolderOptions) -> Iterator[str]:
    for folders in {_folders(split.images or options.images) for split in options.splits.values()}:
        with contextlib.suppress(DataError):  # a split that is at fault says so when it is asked for
            yield from _by_id(root, folders, options.image_suffix)


def _without_ending(entry: str, suffix: str) -> str:
    path = Path(entry)
    stem = path.stem if path.suffix.lower() in IMAGE_ENDINGS else path.name
    return (path.parent / stem.removesuffix(suffix)).as_posix()


def _stem(key: str) -> str:
    return key.rpartition("/")[2]


def _ending(suffix: str) -> str:
    return f" that ends in '{suffix}'" if suffix else ""
