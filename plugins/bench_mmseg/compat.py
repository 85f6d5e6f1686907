"""The one place that knows what it takes to import mmsegmentation 1.2.2 on a plain installation."""

from __future__ import annotations

import importlib.util
import sys
import uuid
import warnings
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, NoReturn

from benchmark import PluginError

COMPILED = "mmcv._ext"


class _StandIn(ModuleType):
    """Looks like mmcv's compiled module while it is imported; a call of one of its functions raises."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)

        def missing(*args: Any, **kwargs: Any) -> NoReturn:
            raise PluginError(
                f"this model calls mmcv's compiled operation {name!r}, which mmcv-lite does not have; "
                "choose another model, or install a full mmcv 2.1 built for this machine"
            )

        return missing


def load_mmseg() -> None:
    """Import `mmseg.models`, so that its registry knows every model.

    mmcv-lite comes without the compiled module that mmsegmentation imports. A stand-in takes its place; its spec must
    be there, as others ask importlib for it, and have no loader, as there is nothing to load.

    Raises:
        PluginError: mmsegmentation or something it imports is not installed.
    """
    if COMPILED not in sys.modules and importlib.util.find_spec(COMPILED) is None:
        module = _StandIn(COMPILED)
        module.__spec__ = ModuleSpec(COMPILED, None)
        sys.modules[COMPILED] = module
    try:
        import mmseg.models  # noqa: F401
    except ModuleNotFoundError as error:
        # mmsegmentation imports ftfy and regex without declaring them.
        raise PluginError(f"mmsegmentation cannot be imported: install {error.name!r} with pip") from error


def build_network(config: dict[str, Any]) -> Any:
    """An mmsegmentation model with initialised weights from the dict form of its configuration.

    The whole is made a `ConfigDict`: mmsegmentation reads `test_cfg.mode` as an attribute.
    """
    load_mmseg()
    from mmengine.config import ConfigDict
    from mmengine.logging import MMLogger
    from mmseg.registry import MODELS

    import bench_mmseg.heads
    import bench_mmseg.weighted_loss  # noqa: F401  both register what this package adds
    from bench_mmseg.published import checked_reads

    # mmengine tells the newest of all loggers about each parameter it initialises; this one keeps it to itself.
    MMLogger.get_instance(f"build-{uuid.uuid4().hex}", log_level="ERROR")
    with MODELS.switch_scope_and_registry("mmseg"), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        network = MODELS.build(ConfigDict({"test_cfg": {"mode": "whole"}, **config}))
        with checked_reads(network):
            network.init_weights()
    return network
