"""Modules of sentence-transformers that are their configuration and their weights."""

from __future__ import annotations

from typing import Any, Self

from sentence_transformers.base.modules import Module

__all__ = ["SavedModule", "hub_options"]

_HUB = ("token", "cache_folder", "revision", "local_files_only")


def hub_options(options: dict[str, Any], subfolder: str = "") -> dict[str, Any]:
    """Return what of sentence-transformers' options says where a module's files are."""
    return {"subfolder": subfolder, **{key: options[key] for key in _HUB if key in options}}


class SavedModule(Module):
    """A module whose constructor takes its configuration, `config_keys`."""

    def save(self, output_path: str, *args: Any, safe_serialization: bool = True, **_: Any) -> None:
        """Write configuration and weights, as sentence-transformers asks."""
        self.save_config(output_path)
        self.save_torch_weights(output_path, safe_serialization=safe_serialization)

    @classmethod
    def load(  # type: ignore[override]
        cls, model_name_or_path: str, subfolder: str = "", **options: Any
    ) -> Self:
        """Read what :meth:`save` wrote, as sentence-transformers asks."""
        hub = hub_options(options, subfolder)
        module = cls(**cls.load_config(model_name_or_path, **hub))
        return cls.load_torch_weights(model_name_or_path, model=module, **hub)
