"""The data set `folder` reads the common layouts, and says what is wrong with the others in one line."""

import hashlib
import json
import os
import time

import cv2
import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from bench_datasets.folder import Folder
from bench_datasets.folder_files import find_root
from bench_datasets.options import FolderOptions
from benchmark import DataError

CLASSES = ("road", "sky")
BASE = {"classes": CLASSES, "mapping": {"7": "road", "23": "sky", "0": "ignore"}, "splits": {"train": {}}}
NATIVE = np.array([[7, 23, 0], [23, 7, 7]], np.uint8)
TRAIN_IDS = np.array([[0, 1, 255], [1, 0, 0]], np.uint8)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))


def put(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)
    return path


def picture(value=90):
    return np.full((2, 3, 3), value, np.uint8)


def tree(tmp_path, names=("a", "b")):
    root = tmp_path / "set"
    for index, name in enumerate(names):
        put(root / "images" / f"{name}.png", picture(index))
        put(root / "labels" / f"{name}.png", NATIVE)
    return root


def folder(root, **changes):
    return Folder(FolderOptions(**{**BASE, "root": str(root), **changes}))


def test_images_and_labels_are_matched_by_stem_and_mapped(tmp_path):
    data = folder(tree(tmp_path))
    assert data.ids("train") == ["a", "b"]
    sample = data.sample("train", "b")
    np.testing.assert_array_equal(sample.image, picture(1))
    np.testing.assert_array_equal(sample.label, TRAIN_IDS)
    assert data.classes.names == CLASSES
    assert len(set(data.classes.palette)) == 2


def test_a_list_file_chooses_and_orders_by_stem_path_or_path_from_the_root(tmp_path):
    root = tree(tmp_path, ("a", "b", "c", "d"))
    (root / "some.txt").write_text("images/d.png\n\nb\nc.png\n")
    data = folder(root, splits={"train": {"list": "some.txt"}})
    assert data.ids("train") == ["d", "b", "c"]


def test_excluded_stems_are_left_out(tmp_path):
    assert folder(tree(tmp_path), exclude=("a",)).ids("train") == ["b"]


def test_hidden_files_and_files_of_other_kinds_are_no_images(tmp_path):
    root = tree(tmp_path)
    for name in ("._a.png", ".DS_Store", "notes.txt"):
        (root / "images" / name).write_bytes(b"litter")
    assert folder(root).ids("train") == ["a", "b"]


def test_a_split_without_labels_gives_images_alone(tmp_path):
    bare = folder(tree(tmp_path), labels="")
    assert bare.sample("train", "a").label is None
    assert [bare.labelled("train"), folder(tree(tmp_path)).labelled("train")] == [False, True]


@pytest.mark.parametrize("none", ["", False])
def test_a_single_split_may_be_without_labels(tmp_path, none):
    root = tree(tmp_path)
    put(root / "more" / "c.png", picture())
    data = folder(root, splits={"train": {"images": "more", "labels": none}, "val": {}})
    assert data.sample("train", "c").label is None
    assert data.sample("val", "a").label is not None


def test_false_stands_for_a_set_without_labels_but_true_for_nothing(tmp_path):
    assert folder(tree(tmp_path), labels=False).sample("train", "a").label is None
    with pytest.raises(ValidationError, match="valid string"):
        folder(tmp_path, labels=True)


def test_cityscapes_names_are_matched_across_city_folders_and_suffixes(tmp_path):
    for city in ("aachen", "bochum"):
        put(tmp_path / f"leftImg8bit/val/{city}/{city}_0_leftImg8bit.png", picture())
        put(tmp_path / f"gtFine/val/{city}/{city}_0_gtFine_labelIds.png", NATIVE)
        put(tmp_path / f"gtFine/val/{city}/{city}_0_gtFine_color.png", picture())
    data = folder(
        tmp_path,
        image_suffix="_leftImg8bit",
        label_suffix="_gtFine_labelIds",
        splits={"val": {"images": "leftImg8bit/val", "labels": "gtFine/val"}},
    )
    assert data.ids("val") == ["aachen/aachen_0", "bochum/bochum_0"]
    np.testing.assert_array_equal(data.sample("val", "bochum/bochum_0").label, TRAIN_IDS)


def test_a_glob_narrows_to_what_it_matches(tmp_path):
    root = tree(tmp_path, ("day_1", "night_1"))
    assert folder(root, images="images/day_*.png").ids("train") == ["day_1"]


def side_by_side(root, *halves):
    put(root / "both" / "a.png", np.concatenate(halves, axis=1))
    return root


def two_parts(tmp_path):
    """Two sequences of which one is spread over two folders, as data sets that are cut for other ends have it."""
    root = tmp_path / "set"
    for part, name in (("one", "dawn_1"), ("one", "noon_1"), ("two", "noon_2")):
        put(root / part / "images" / f"{name}.png", picture())
        put(root / part / "labels" / f"{name}.png", NATIVE)
    return root


JOINED = {"images": ["one/images", "two/images"], "labels": ["one/labels", "two/labels"]}


@pytest.mark.parametrize("where", ["data set", "split"])
def test_several_folders_make_one_split(tmp_path, where):
    root = two_parts(tmp_path)
    data = folder(root, **JOINED) if where == "data set" else folder(root, splits={"train": JOINED})
    assert data.ids("train") == ["dawn_1", "noon_1", "noon_2"]
    np.testing.assert_array_equal(data.sample("train", "noon_2").label, TRAIN_IDS)


def test_patterns_choose_images_of_all_folders(tmp_path):
    splits = {
        "noon": {"include": ["noon_*"]},
        "rest": {"exclude": ["noon_*"]},
        "first": {"include": ["noon_*", "dawn_*"], "exclude": ["*_2"]},
    }
    data = folder(two_parts(tmp_path), **JOINED, splits=splits)
    assert data.ids("noon") == ["noon_1", "noon_2"]
    assert data.ids("rest") == ["dawn_1"]
    assert data.ids("first") == ["dawn_1", "noon_1"]


def test_a_pattern_may_name_folders_of_an_id(tmp_path):
    data = folder(two_parts(tmp_path), images="*/images/*", labels="*/labels/*", splits={"a": {"include": ["one/*"]}})
    assert data.ids("a") == ["one/images/dawn_1", "one/images/noon_1"]


def test_patterns_choose_among_the_images_of_a_list_and_keep_its_order(tmp_path):
    root = two_parts(tmp_path)
    (root / "some.txt").write_text("two/images/noon_2.png\none/images/dawn_1.png\nnoon_1\n")
    data = folder(root, **JOINED, splits={"train": {"list": "some.txt", "include": ["noon_*"]}})
    assert data.ids("train") == ["noon_2", "noon_1"]


@pytest.mark.parametrize("option", ["include", "exclude"])
def test_a_pattern_that_matches_no_image_is_refused(tmp_path, option):
    data = folder(two_parts(tmp_path), **JOINED, splits={"train": {option: ["noon_*", "nono_*"]}})
    refused(
        lambda: data.ids("train"),
        "split 'train'",
        f"`{option}`",
        "'nono_*', which matches none of its 3 images, such as 'dawn_1'",
    )


def test_a_split_whose_patterns_exclude_everything_is_named_as_empty(tmp_path):
    data = folder(two_parts(tmp_path), **JOINED, splits={"train": {"exclude": ["*"]}})
    refused(lambda: data.ids("train"), "split 'train' is empty", "one/images or ", "two/images", "`exclude`")


def test_two_images_of_one_name_in_two_folders_are_refused(tmp_path):
    root = two_parts(tmp_path)
    put(root / "two" / "images" / "dawn_1.png", picture())
    refused(lambda: folder(root, **JOINED).ids("train"), "two files of one name", "one/images", "two/images")


def test_a_label_without_image_in_any_of_several_folders_is_named(tmp_path):
    root = two_parts(tmp_path)
    (root / "one" / "images" / "noon_1.png").unlink()
    refused(lambda: folder(root, **JOINED).ids("train"), "noon_1.png has no image", "one/images or ", "two/images")


def test_a_list_of_no_folders_is_refused(tmp_path):
    with pytest.raises(ValidationError, match="at least 1 item"):
        folder(tmp_path, images=[])


COLOURS = np.array([[128, 64, 128], [70, 130, 180], [0, 0, 0]], np.uint8)[np.minimum(TRAIN_IDS, 2)]
BY_COLOUR = {"128,64,128": "road", "70,130,180": "sky", "0,0,0": "ignore"}


def test_of_two_images_side_by_side_either_can_be_the_sample(tmp_path):
    root = side_by_side(tmp_path, picture(10), picture(200))
    for half, value in (("left", 10), ("right", 200)):
        data = folder(root, images="both", labels="", half=half)
        assert data.ids("train") == ["a"]
        np.testing.assert_array_equal(data.sample("train", "a").image, picture(value))


def test_a_label_beside_its_image_is_read_from_its_half_alone(tmp_path):
    root = side_by_side(tmp_path, picture(10), COLOURS)
    halves = {"images": "both", "half": "left", "labels": "both", "label_half": "right"}
    sample = folder(root, mapping=BY_COLOUR, label_format="colour", **halves).sample("train", "a")
    np.testing.assert_array_equal(sample.image, picture(10))
    np.testing.assert_array_equal(sample.label, TRAIN_IDS)


def test_the_label_of_half_an_image_may_be_a_file_of_its_own(tmp_path):
    root = side_by_side(tmp_path, picture(10), picture(200))
    put(root / "labels" / "a.png", NATIVE)
    sample = folder(root, images="both", half="right").sample("train", "a")
    np.testing.assert_array_equal(sample.label, TRAIN_IDS)


@pytest.mark.parametrize("sides", [{"half": "left"}, {"label_half": "right"}])
def test_a_file_of_odd_width_holds_no_two_images(tmp_path, sides):
    root = tree(tmp_path, ("a",))
    which = "images" if "half" in sides else "labels"
    refused(
        lambda: folder(root, **sides).sample("train", "a"), str(root / which / "a.png"), "width of 3 is odd", "`half`"
    )


def test_palette_png_labels_are_read_by_index_not_by_colour(tmp_path):
    root = tree(tmp_path, ("a",))
    label = Image.fromarray(NATIVE, mode="P")
    label.putpalette([value for index in range(256) for value in (255 - index, index, 3)])
    label.save(root / "labels" / "a.png")
    np.testing.assert_array_equal(folder(root).sample("train", "a").label, TRAIN_IDS)


def test_colour_labels_are_mapped_by_their_rgb_code(tmp_path):
    root = tree(tmp_path, ("a",))
    colours = np.array([[128, 64, 128], [70, 130, 180], [0, 0, 0]], np.uint8)
    put(root / "labels" / "a.png", colours[np.minimum(TRAIN_IDS, 2)])
    mapping = {"128,64,128": "road", "70, 130, 180": "sky", "*": "ignore"}
    data = folder(root, mapping=mapping, label_format="colour")
    np.testing.assert_array_equal(data.sample("train", "a").label, TRAIN_IDS)


def test_sixteen_bit_labels_hold_the_id_in_their_first_channel(tmp_path):
    root = tree(tmp_path, ("a",))
    red = NATIVE.astype(np.uint16)
    blue_green_red = np.stack([np.zeros_like(red), red + 500, red], axis=-1)
    cv2.imwrite(str(root / "labels" / "a.png"), blue_green_red)
    data = folder(root, label_format="first-channel")
    np.testing.assert_array_equal(data.sample("train", "a").label, TRAIN_IDS)


def test_without_a_mapping_labels_hold_train_ids_and_255(tmp_path):
    root = tree(tmp_path, ("a",))
    put(root / "labels" / "a.png", TRAIN_IDS)
    np.testing.assert_array_equal(folder(root, mapping={}).sample("train", "a").label, TRAIN_IDS)


def test_a_relative_root_is_looked_up_under_bench_data_first_then_here(tmp_path, monkeypatch):
    (tmp_path / "data" / "both").mkdir(parents=True)
    (tmp_path / "both").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path)
    environment = {"BENCH_DATA": str(tmp_path / "data")}
    assert find_root("both", environment) == tmp_path / "data" / "both"
    assert find_root("here", environment) == tmp_path / "here"
    assert find_root("both", {}) == tmp_path / "both"


def refused(action, *words):
    with pytest.raises(DataError) as caught:
        action()
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def test_a_missing_root_names_both_places_and_the_variable(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    environment = {"BENCH_DATA": "/nowhere"}
    refused(lambda: find_root("roads", environment), "/nowhere/roads", str(tmp_path / "roads"), "set BENCH_DATA")


def test_a_missing_folder_of_images_is_named_with_a_suggestion(tmp_path):
    root = tree(tmp_path)
    refused(lambda: folder(root, images="imagse").ids("train"), str(root / "imagse"), "Did you mean 'images'?")


def test_a_list_entry_without_image_is_named_with_its_line(tmp_path):
    root = tree(tmp_path)
    (root / "some.txt").write_text("a\nzebra\n")
    data = folder(root, splits={"train": {"list": "some.txt"}})
    refused(lambda: data.ids("train"), "some.txt, line 2", "'zebra'")


def test_a_missing_list_file_is_named(tmp_path):
    data = folder(tree(tmp_path), splits={"train": {"list": "none.txt"}})
    refused(lambda: data.ids("train"), "none.txt", "mend `list`")


def test_an_empty_split_is_named(tmp_path):
    root = tree(tmp_path, ())
    (root / "images").mkdir(parents=True)
    refused(lambda: folder(root).ids("train"), "split 'train' is empty", str(root / "images"))


def test_an_image_without_label_is_named_with_the_file_expected(tmp_path):
    root = tree(tmp_path)
    (root / "labels" / "b.png").unlink()
    refused(lambda: folder(root).ids("train"), str(root / "images" / "b.png"), "expected b.png", "exclude")


def test_a_corrupt_image_is_named(tmp_path):
    root = tree(tmp_path)
    whole = (root / "images" / "a.png").read_bytes()
    (root / "images" / "a.png").write_bytes(whole[: len(whole) // 2])
    refused(lambda: folder(root).sample("train", "a"), str(root / "images" / "a.png"), "cannot be read as an image")


def test_a_file_that_is_no_image_is_named_once(tmp_path):
    root = tree(tmp_path)
    file = root / "images" / "a.png"
    file.write_bytes(b"no picture")
    refused(lambda: folder(root).sample("train", "a"), f"{file}: cannot be read as an image (it is damaged, or")


def test_a_corrupt_sixteen_bit_label_is_named(tmp_path):
    root = tree(tmp_path)
    (root / "labels" / "a.png").write_bytes(b"no picture")
    data = folder(root, label_format="first-channel")
    refused(lambda: data.sample("train", "a"), str(root / "labels" / "a.png"), "cannot be read as an image")


def test_a_label_of_another_size_is_named_with_both_sizes(tmp_path):
    root = tree(tmp_path)
    put(root / "labels" / "a.png", np.full((4, 5), 7, np.uint8))
    refused(lambda: folder(root).sample("train", "a"), str(root / "labels" / "a.png"), "5 x 4", "3 x 2")


def test_an_id_outside_the_mapping_is_named_with_what_to_do(tmp_path):
    root = tree(tmp_path)
    put(root / "labels" / "a.png", np.full((2, 3), 99, np.uint8))
    refused(lambda: folder(root).sample("train", "a"), str(root / "labels" / "a.png"), "id 99", "'ignore'")


def test_an_id_outside_the_mapping_takes_the_class_of_the_star(tmp_path):
    data = folder(tree(tmp_path), mapping={"7": "road", "*": "sky"})
    np.testing.assert_array_equal(data.sample("train", "a").label, [[0, 1, 1], [1, 0, 0]])


def test_a_colour_outside_the_mapping_is_written_as_a_colour(tmp_path):
    root = tree(tmp_path)
    put(root / "labels" / "a.png", np.full((2, 3, 3), (1, 2, 3), np.uint8))
    data = folder(root, mapping={"128,64,128": "road"}, label_format="colour")
    refused(lambda: data.sample("train", "a"), "colour '1,2,3'")


def test_a_colour_label_read_as_ids_is_refused_with_the_option_to_set(tmp_path):
    root = tree(tmp_path)
    put(root / "labels" / "a.png", picture())
    refused(lambda: folder(root).sample("train", "a"), str(root / "labels" / "a.png"), "label_format")


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ({"7": "raod"}, ("'raod'", "Did you mean 'road'?")),
        ({"seven": "road"}, ("'seven'", "native id")),
        ({"*": "ignore"}, ("only '*'",)),
    ],
)
def test_a_mapping_that_means_nothing_is_refused_at_once(tmp_path, mapping, words):
    root = tree(tmp_path)
    refused(lambda: folder(root, mapping=mapping), *words)


@pytest.mark.parametrize(
    ("classes", "words"),
    [(("road", "sky", "sky"), "'sky' stands there twice"), (("road", "sky", "ignore"), "'ignore' is the word for")],
)
def test_classes_that_cannot_be_told_apart_are_refused(tmp_path, classes, words):
    root = tree(tmp_path)
    refused(lambda: folder(root, classes=classes), words)


def test_a_palette_of_another_length_is_refused(tmp_path):
    root = tree(tmp_path)
    refused(
        lambda: folder(root, palette=((1, 2, 3),)), "one colour for each of the 2 classes was expected, but there are 1"
    )


def test_an_unknown_split_or_image_is_refused_with_a_suggestion(tmp_path):
    data = folder(tree(tmp_path, ("street", "avenue")))
    refused(lambda: data.ids("trian"), "split 'trian' is not among `splits` (train)", "Did you mean 'train'?")
    refused(lambda: data.sample("train", "stret"), "no image 'stret'", "Did you mean 'street'?")


def test_two_images_of_one_name_are_refused(tmp_path):
    root = tree(tmp_path)
    put(root / "images" / "a.jpg", picture())
    refused(lambda: folder(root).ids("train"), "a.jpg", "a.png")


def test_the_fingerprint_changes_with_any_file_and_any_meaning(tmp_path):
    root = tree(tmp_path)
    first = folder(root).fingerprint("train")
    assert folder(root).fingerprint("train") == first
    assert folder(root, mapping={**BASE["mapping"], "0": "road"}).fingerprint("train") != first
    put(root / "labels" / "b.png", NATIVE[::-1].copy())
    second = folder(root).fingerprint("train")
    put(root / "images" / "a.png", picture(200))
    third = folder(root).fingerprint("train")
    assert len({first, second, third}) == 3


def test_the_fingerprint_changes_with_the_half_that_is_read(tmp_path):
    root = tree(tmp_path)
    sides = ({}, {"half": "left"}, {"half": "right"}, {"label_half": "left"})
    assert len({folder(root, **side).fingerprint("train") for side in sides}) == 4
    assert folder(root, half="whole").fingerprint("train") == folder(root).fingerprint("train")


def test_the_fingerprint_of_whole_images_is_the_one_of_published_results(tmp_path):
    root = tree(tmp_path)
    data = folder(root)
    files = [root / kind / f"{name}.png" for name in ("a", "b") for kind in ("images", "labels")]
    hashes = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    meaning = {name: getattr(data.options, name) for name in ("classes", "mapping", "label_format")}
    expected = json.dumps([meaning, ["a", "b"], hashes], sort_keys=True)
    assert data.fingerprint("train") == hashlib.sha256(expected.encode()).hexdigest()


def test_the_fingerprint_does_not_depend_on_where_the_folder_lies(tmp_path):
    first = folder(tree(tmp_path / "one")).fingerprint("train")
    assert folder(tree(tmp_path / "two")).fingerprint("train") == first


def test_a_second_fingerprint_reads_no_unchanged_file(tmp_path, monkeypatch):
    root = tree(tmp_path)
    first = folder(root).fingerprint("train")

    def forbidden(file):
        raise AssertionError(f"{file} was read again")

    monkeypatch.setattr("bench_datasets.content_hash._sha256", forbidden)
    assert folder(root).fingerprint("train") == first


def test_a_cache_that_is_damaged_or_cannot_be_written_is_done_without(tmp_path, monkeypatch):
    root = tree(tmp_path)
    first = folder(root).fingerprint("train")
    for file in (tmp_path / "cache").iterdir():
        file.write_text("{ damaged")
    assert folder(root).fingerprint("train") == first
    blocked = tmp_path / "a-file"
    blocked.write_text("")
    monkeypatch.setenv("BENCH_CACHE", str(blocked / "inside"))
    assert folder(root).fingerprint("train") == first


def test_a_label_without_image_is_named_with_the_file_expected(tmp_path):
    root = tree(tmp_path)
    (root / "images" / "b.png").unlink()
    refused(
        lambda: folder(root).ids("train"), str(root / "labels" / "b.png"), "expected b", str(root / "images"), "exclude"
    )
    assert folder(root, exclude=("b",)).ids("train") == ["a"]


def test_labels_of_several_splits_may_lie_in_one_folder(tmp_path):
    root = tree(tmp_path)
    put(root / "more" / "c.png", picture())
    put(root / "labels" / "c.png", NATIVE)
    data = folder(root, splits={"train": {}, "val": {"images": "more"}})
    assert (data.ids("train"), data.ids("val")) == (["a", "b"], ["c"])


@pytest.mark.parametrize("split", [{"list": "some.txt"}, {"images": "images/*.png"}])
def test_a_list_or_a_glob_may_leave_labels_without_image(tmp_path, split):
    root = tree(tmp_path)
    (root / "some.txt").write_text("a\n")
    (root / "images" / "b.png").unlink()
    assert folder(root, splits={"train": split}).ids("train") == ["a"]


def test_all_images_without_label_are_named_at_once(tmp_path):
    names = [f"{number:02d}" for number in range(14)]
    root = tree(tmp_path, names)
    for name in names[1:]:
        (root / "labels" / f"{name}.png").unlink()
    refused(
        lambda: folder(root).ids("train"),
        str(root / "images" / "01.png"),
        "; 12 more at fault: '02', '03', '04', '05', '06', '07', '08', '09', '10', '11', ...",
    )


def test_all_files_at_fault_after_the_first_are_named_at_once(tmp_path):
    root = tree(tmp_path, ("a", "b", "c", "d", "e"))
    (root / "images" / "b.png").write_bytes(b"no picture")
    put(root / "labels" / "d.png", np.full((2, 3), 99, np.uint8))
    put(root / "labels" / "e.png", np.full((4, 5), 7, np.uint8))
    refused(
        lambda: folder(root).sample("train", "b"),
        f"{root / 'images' / 'b.png'}: cannot be read",
        "; 2 more at fault: 'd', 'e'",
    )
    refused(lambda: folder(root).sample("train", "e"), "5 x 4")
    np.testing.assert_array_equal(folder(root).sample("train", "c").label, TRAIN_IDS)


def test_all_missing_files_are_named_at_once(tmp_path):
    root = tree(tmp_path)
    data = folder(root)
    data.ids("train")
    (root / "images" / "a.png").unlink()
    (root / "labels" / "b.png").unlink()
    refused(
        lambda: data.fingerprint("train"),
        f"{root / 'images' / 'a.png'} cannot be read (No such file or directory)",
        f"; 1 more at fault: '{root / 'labels' / 'b.png'}'",
    )


def test_another_image_of_one_size_and_time_changes_the_fingerprint(tmp_path):
    root = tree(tmp_path)
    file = root / "images" / "a.png"
    before, status = folder(root).fingerprint("train"), file.stat()
    time.sleep(0.02)  # some file systems count time in steps of some milliseconds
    file.write_bytes(file.read_bytes()[::-1])
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (status.st_size, status.st_mtime_ns)
    assert folder(root).fingerprint("train") != before


def test_a_file_moved_over_another_of_one_size_and_time_changes_the_fingerprint(tmp_path):
    root = tree(tmp_path)
    file, other = root / "images" / "a.png", tmp_path / "other.png"
    other.write_bytes(file.read_bytes()[::-1])
    os.utime(other, ns=(0, 0))
    os.utime(file, ns=(0, 0))
    before = folder(root).fingerprint("train")
    other.rename(file)
    assert folder(root).fingerprint("train") != before


def test_the_same_files_in_another_folder_have_the_same_fingerprint_and_the_root_is_no_result(tmp_path):
    here, there = tree(tmp_path / "here"), tree(tmp_path / "there")
    assert folder(here).fingerprint("train") == folder(there).fingerprint("train")
    assert FolderOptions.runtime_option_names() == ("root",)
