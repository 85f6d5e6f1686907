"""What the suites of all kinds of plugins share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from benchmark.api.options import PluginOptions
from benchmark.errors import BenchError

NO_ERROR = "no error came"


class ConformanceSuite:
    """The contract of a kind of plugin, as checks that pytest collects from a subclass whose name starts with `Test`.

    Checks that do not apply to a plugin are removed from its class, not skipped.
    """

    def make(self, **changes: Any) -> Any:
        """A new plugin with the tiniest options, some of them changed."""
        raise NotImplementedError(
            f"{type(self).__name__}: expected a method make(self, **changes) that returns a new plugin; write one"
        )

    @classmethod
    def conditional_checks(cls) -> Mapping[str, bool]:
        """Names of the checks that apply to some plugins alone, and whether they apply to this one."""
        return {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Remove the checks that do not apply; pytest does not collect what is no function."""
        super().__init_subclass__(**kwargs)
        for name, applies in cls.conditional_checks().items():
            if name not in vars(cls):
                setattr(cls, name, _defined_check(cls, name) if applies else None)

    def options_class(self) -> Any:
        """The options class of the plugin."""
        return type(self.make()).Options

    def test_its_options_refuse_unknown_names(self) -> None:
        """A misspelt option must not be ignored; results would carry it as if it had been used."""
        options = self.options_class()
        assert isinstance(options, type), f"Options: expected a class, but {options!r} came"
        assert issubclass(options, PluginOptions), f"Options: expected a subclass of PluginOptions, not {options}"
        for setting, expected in {"extra": "forbid", "frozen": True}.items():
            found = options.model_config.get(setting)
            assert found == expected, f"Options: expected model_config['{setting}'] = {expected!r}, but it is {found!r}"


def error_of(action: Callable[[], object]) -> str:
    """The text of the `BenchError` that an action raises, or what came in its place."""
    try:
        action()
    except BenchError as error:
        return str(error)
    except Exception as error:  # any other error is no clear one: the check says which came
        return f"{type(error).__name__} came: {error}"
    return NO_ERROR


def _defined_check(cls: type, name: str) -> Any:
    """A check as the nearest base defines it that has not removed it."""
    return next(vars(base)[name] for base in cls.__mro__ if vars(base).get(name) is not None)
