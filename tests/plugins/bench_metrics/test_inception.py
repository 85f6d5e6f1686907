"""Inception features are pytorch-fid's own; a missing or damaged weights file has a clear reason."""

import urllib.error

import pytest
import torch
from pytorch_fid import inception as pytorch_fid_inception

from bench_metrics import inception
from bench_metrics.inception import CHUNK, FeatureExtractor, find_weights, shared_extractor, usual_weights
from bench_metrics.inception_distances import InceptionDistances
from bench_metrics.options import InceptionOptions
from benchmark import Unavailable


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """An empty torch.hub cache."""
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    return tmp_path / "hub"


@pytest.fixture
def no_network(monkeypatch):
    """Fails the test at any attempt to download."""

    def attempt(*args, **options):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(torch.hub, "download_url_to_file", attempt)


def images(count, seed=0):
    return torch.rand(count, 3, 16, 32, generator=torch.Generator().manual_seed(seed))


def test_features_equal_those_of_pytorch_fid(weights, inception_state, monkeypatch):
    monkeypatch.setattr(pytorch_fid_inception, "load_state_dict_from_url", lambda *args, **options: inception_state)
    with torch.inference_mode():
        expected = pytorch_fid_inception.InceptionV3().eval()(images(3))[0].flatten(1)
    ours = shared_extractor(weights, "cpu")(images(3))
    assert ours.shape == (3, 2048)
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-4 * expected.std().item())


def test_an_image_has_the_same_features_in_any_batch(weights):
    extractor = shared_extractor(weights, "cpu")
    batch = images(CHUNK["cpu"] + 2)
    torch.testing.assert_close(extractor(batch)[-2:], extractor(batch[-2:].clone()), rtol=1e-4, atol=1e-4)


def test_features_are_full_precision_inside_autocast(weights):
    extractor, batch = shared_extractor(weights, "cpu"), images(1)
    plain = extractor(batch)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(extractor(batch.clone()), plain)


def test_features_are_full_precision_on_cuda_too(weights, monkeypatch):
    """The switch is read where the network runs, as there may be no such device here."""
    switches = []

    def network(chunk):
        switches.append(torch.backends.cudnn.allow_tf32)
        return [chunk]

    extractor = FeatureExtractor(weights, "cpu")
    extractor._network = network
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    extractor(images(1))
    assert switches == [False]
    assert torch.backends.cudnn.allow_tf32


def test_stored_features_of_the_target_images_stand_for_the_images(weights, classes, context, tmp_path):
    first, direct, loaded = (InceptionDistances(InceptionOptions(weights=weights)) for _ in range(3))
    for one in (first, direct, loaded):
        one.start(classes, context)
    for one in (first, direct):
        one.reference(images(4))
    first.save_reference(tmp_path)
    loaded.load_reference(tmp_path)
    for one in (direct, loaded):
        one.update(images(3, 1), images(3, 2), None)
    assert loaded.compute() == direct.compute()
    assert loaded.details() == direct.details()


def test_no_more_than_max_images_are_used(weights, classes, context, monkeypatch):
    monkeypatch.setattr(FeatureExtractor, "__call__", lambda self, batch: batch[:, 0, 0])
    metric = InceptionDistances(InceptionOptions(weights=weights, max_images=5))
    metric.start(classes, context)
    for seed in range(3):
        metric.reference(images(3, seed))
        metric.update(images(3, seed), images(3, seed), None)
    conditions = metric.details()["conditions"]
    assert (conditions["reference_images"], conditions["translated_images"]) == (5, 5)


def test_values_are_comparable_under_recorded_conditions_only(weights, classes, context):
    metric = InceptionDistances(InceptionOptions(weights=weights))
    metric.start(classes, context)
    metric.reference(images(2))
    metric.update(images(3), images(3), None)
    conditions = metric.details()["conditions"]
    assert conditions.pop("extractor").startswith("pytorch-fid InceptionV3")
    assert len(conditions.pop("weights_sha256")) == 64
    assert conditions == {
        "reference_images": 2,
        "translated_images": 3,
        "image_size": [16, 32],
        "precision": "fp32",
    }


def test_one_image_is_not_enough(weights, classes, context, monkeypatch):
    monkeypatch.setattr(FeatureExtractor, "__call__", lambda self, batch: batch[:, 0, 0])
    metric = InceptionDistances(InceptionOptions(weights=weights))
    metric.start(classes, context)
    metric.reference(images(2))
    metric.update(images(1), images(1), None)
    with pytest.raises(Unavailable, match="at least 2 target and 2 translated images are needed, got 2 and 1"):
        metric.compute()


def test_absent_weights_name_the_place_and_the_option_and_ask_no_network(hub, no_network, classes, context):
    with pytest.raises(Unavailable) as refusal:
        InceptionDistances(InceptionOptions()).start(classes, context)
    message = str(refusal.value)
    assert str(usual_weights()) in message
    assert "--fid-weights PATH" in message
    assert usual_weights() == hub / "checkpoints" / "pt_inception-2015-12-05-6726825d.pth"


def test_a_named_file_that_is_absent_is_not_replaced_by_the_cache(tmp_path, hub, no_network):
    usual_weights().parent.mkdir(parents=True)
    usual_weights().touch()
    with pytest.raises(Unavailable, match=r"expected a file at .*typo\.pth, found none"):
        find_weights(InceptionOptions(weights=tmp_path / "typo.pth", download=True))


def test_weights_in_the_usual_cache_are_found(hub, no_network):
    usual_weights().parent.mkdir(parents=True)
    usual_weights().touch()
    assert find_weights(InceptionOptions()) == usual_weights()


def test_a_damaged_file_under_the_published_name_is_told_by_its_digest(hub, classes, context):
    usual_weights().parent.mkdir(parents=True)
    usual_weights().write_bytes(b"cut off")
    with pytest.raises(Unavailable, match=r"is damaged: its SHA-256 should start with 6726825d, but is [0-9a-f]{8}"):
        InceptionDistances(InceptionOptions()).start(classes, context)


@pytest.mark.parametrize("size", [0, 100, 50_000])
def test_a_truncated_file_is_refused(size, weights, tmp_path):
    with weights.open("rb") as file:
        (tmp_path / "cut.pth").write_bytes(file.read(size))
    with pytest.raises(Unavailable, match=r"cut\.pth cannot be read as a state dict"):
        FeatureExtractor(tmp_path / "cut.pth", "cpu")


@pytest.mark.parametrize("content", [{"fc.weight": torch.zeros(2)}, {1: torch.zeros(2)}, {}])
def test_weights_of_another_network_are_refused(content, tmp_path):
    torch.save(content, tmp_path / "other.pth")
    with pytest.raises(Unavailable, match=r"other\.pth is the state dict of another network"):
        FeatureExtractor(tmp_path / "other.pth", "cpu")


def test_a_file_that_holds_no_state_dict_is_refused(tmp_path):
    torch.save(torch.zeros(2), tmp_path / "tensor.pth")
    with pytest.raises(Unavailable, match="holds a Tensor, expected a state dict"):
        FeatureExtractor(tmp_path / "tensor.pth", "cpu")


class Malice:
    """Runs a command when unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return type(self.path).touch, (self.path,)


def test_code_in_a_weights_file_is_not_run(tmp_path):
    torch.save({"state": Malice(tmp_path / "pwned")}, tmp_path / "evil.pth")
    with pytest.raises(Unavailable, match="cannot be read"):
        inception.read_weights(tmp_path / "evil.pth")
    assert not (tmp_path / "pwned").exists()


def test_a_download_goes_from_the_release_page_to_the_usual_cache_and_is_checked(hub, monkeypatch):
    asked = []

    def download(url, path, hash_prefix, progress):
        asked.append((url, path, hash_prefix))
        usual_weights().touch()

    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    assert find_weights(InceptionOptions(download=True)) == usual_weights()
    assert asked == [(pytorch_fid_inception.FID_WEIGHTS_URL, str(usual_weights()), "6726825d")]


def test_a_failed_download_says_what_to_do(hub, monkeypatch):
    def unreachable(*args, **options):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(torch.hub, "download_url_to_file", unreachable)
    with pytest.raises(Unavailable, match=r"cannot be downloaded \(.*no route to host.*\); fetch it by hand to .*pth"):
        find_weights(InceptionOptions(download=True))


def test_pytorch_fid_has_its_loader_back_after_a_network_was_built(weights, tmp_path):
    before = pytorch_fid_inception.load_state_dict_from_url
    torch.save({}, tmp_path / "other.pth")
    with pytest.raises(Unavailable):
        FeatureExtractor(tmp_path / "other.pth", "cpu")
    shared_extractor(weights, "cpu")
    assert pytorch_fid_inception.load_state_dict_from_url is before


def test_a_relative_path_is_fixed_where_it_was_typed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert InceptionOptions(weights="w.pth").weights == tmp_path / "w.pth"
