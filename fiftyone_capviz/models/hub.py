"""Fetches checkpoints from the Hugging Face hub, and fails fast where there is no network."""

from __future__ import annotations

from pathlib import Path

from huggingface_hub import HfApi, errors, snapshot_download, try_to_load_from_cache
from huggingface_hub.constants import HF_HUB_OFFLINE
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)

from fiftyone_capviz.errors import OfflineError, UnknownModelError

TIMEOUT_SECONDS = 10.0
_HTTP_ERROR: type[Exception] = errors.HTTPError  # type: ignore[attr-defined]
"""Of the HTTP client that the hub's library stands on; its name changes with versions."""
_SMALL_FILES = ("*.json", "*.txt")
_PROCESSORS = ("preprocessor_config.json", "processor_config.json")


def fetch_snapshot(
    name: str, *, weight_files: tuple[str, ...], endpoint: str | None = None
) -> tuple[Path, str]:
    """The folder of a hub checkpoint, and its commit.

    What the hub's cache holds is used without asking the network, so that a run gives the same
    results tomorrow; delete it there to fetch a newer one.

    Args:
        name: "owner/name".
        weight_files: accepted names of the weights, best first.
        endpoint: address of the hub; None is HF_ENDPOINT, or the public one.

    Raises:
        UnknownModelError: the hub does not know the name, or keeps it behind a form.
        OfflineError: the hub cannot be reached within ten seconds.
    """
    cached = _cached_snapshot(name, weight_files)
    if cached is not None:
        return cached, cached.name
    if HF_HUB_OFFLINE:
        raise _offline(name, "HF_HUB_OFFLINE is set")
    try:
        info = HfApi(endpoint).model_info(name, timeout=TIMEOUT_SECONDS)
        present = {file.rfilename for file in info.siblings or ()}
        suffix = _suffix_of_weights(present, weight_files)
        folder = snapshot_download(
            name,
            allow_patterns=[*_SMALL_FILES, f"*{suffix}"],
            etag_timeout=TIMEOUT_SECONDS,
            endpoint=endpoint,
        )
    except GatedRepoError as error:
        raise UnknownModelError(
            f"The hub gives {name!r} only to those who accepted its terms. Accept them on its "
            "page and log in with `hf auth login`, or give a local folder."
        ) from error
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise UnknownModelError(
            f"The hub has no model {name!r} (or it is private). Check the spelling; a local "
            "folder and the bundled model 'scenes' need no hub."
        ) from error
    except (
        HfHubHTTPError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        _HTTP_ERROR,
        ConnectionError,
        TimeoutError,
    ) as error:
        raise _offline(name, type(error).__name__) from error
    return Path(folder), Path(folder).name


def _cached_snapshot(name: str, weight_files: tuple[str, ...]) -> Path | None:
    """The folder in the hub's cache, if what a model needs is in it.

    Not by `snapshot_download`, which wants every file of the repository, other formats of the
    weights too.
    """
    try:
        config = try_to_load_from_cache(name, "config.json")
    except HFValidationError:
        return None
    if not isinstance(config, str):
        return None
    folder = Path(config).parent
    whole = all(
        any((folder / file).is_file() for file in group) for group in (weight_files, _PROCESSORS)
    )
    return folder if whole else None


def _suffix_of_weights(present: set[str], weight_files: tuple[str, ...]) -> str:
    for weights in weight_files:
        if weights in present:
            return Path(weights.removesuffix(".index.json")).suffix
    return Path(weight_files[0]).suffix


def _offline(name: str, reason: str) -> OfflineError:
    return OfflineError(
        f"The checkpoint {name!r} must be fetched, and the Hugging Face hub cannot be reached "
        f"({reason}). Give the path of a local folder that holds it, or use the bundled model "
        "'scenes'."
    )
