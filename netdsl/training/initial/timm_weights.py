"""`timm:MODEL.TAG`: the weights that timm publishes on the Hugging Face hub.

timm says which file, and turns what stands in it into its module's own names; the file itself is read by
netdsl, which executes no pickle whatever the version of timm.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from netdsl.diagnostics import Faults, fault, nearest
from netdsl.training.initial.fetching import published_file
from netdsl.training.initial.files import read_weights_file
from netdsl.training.initial.given import Given, Say, StoredFile

PREFIX = "timm:"
HUB_FILES = ("model.safetensors", "pytorch_model.bin")
"""What a repository of the hub calls its weights, the file that is preferred first."""


def timm_weights(name: str, say: Say) -> Given:
    """timm's module with published weights.

    Args:
        name: `resnet50.a1_in1k`, or `resnet50` for the weights that timm prefers.
        say: told what takes long.

    Raises:
        Faults: timm is not installed (3), has none of that name (2), or they cannot be had (3) or read (5).
    """
    try:
        import timm
    except ImportError:
        help = "install it: `pip install timm`"
        raise fault("missing-library", "timm is not installed", exit_code=3, help=help) from None
    source = _source(timm, name)
    file = _stored(source, say)
    overlay = {"state_dict": dict(file.tensors)}
    try:
        module = timm.create_model(name, pretrained=True, pretrained_cfg_overlay=overlay)
    except (RuntimeError, KeyError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        message = f"`{file.path}` does not hold what timm's `{name}` has: {reason}"
        help = "delete it, and it is fetched anew"
        raise fault("damaged-weights", message, exit_code=5, help=help) from None
    return Given(module, True, file.path, file.sha256)


def _source(timm: Any, name: str) -> Any:
    """What timm knows of a model's weights.

    Raises:
        Faults: there is no such model, or there are no weights of it; exit code 2.
    """
    try:
        source = timm.models.get_pretrained_cfg(name)
    except RuntimeError:  # the model exists, the tag does not
        source = None
    if source is None or not (source.hf_hub_id or source.url) or source.custom_load:
        raise _unknown(timm, name)
    return source


def _unknown(timm: Any, name: str) -> Faults:
    model = name.partition(".")[0]
    published = timm.list_pretrained()
    tags = [tagged for tagged in published if tagged.partition(".")[0] == model]
    if tags:
        help = f"it has {', '.join(f'`{PREFIX}{tag}`' for tag in tags[:5])}{', …' * (len(tags) > 5)}"
    else:
        models = sorted({tagged.partition(".")[0] for tagged in published})
        near = nearest(model, models, most=len(models))
        help = f"did you mean `{PREFIX}{near}`?" if near else "`timm.list_pretrained()` lists them"
    return fault("unknown-weights", f"timm has no weights `{name}`", help=help)


def _stored(source: Any, say: Say) -> StoredFile:
    if not source.hf_hub_id:
        return published_file(source.url, say, names_digest=False)
    names = (source.hf_hub_filename,) if source.hf_hub_filename else HUB_FILES
    return read_weights_file(_hub_file(source.hf_hub_id, names, say))


def _hub_file(source: str, names: tuple[str, ...], say: Say) -> Path:
    """The first of some files of a repository, from the hub's cache or from the hub.

    Raises:
        Faults: none can be had; exit code 3.
    """
    from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    repository, _, revision = source.partition("@")
    for name in names:
        kept = try_to_load_from_cache(repository, name, constants.HF_HUB_CACHE, revision or None)
        if isinstance(kept, str):
            return Path(kept)
    say(f"fetching {repository} from the Hugging Face hub into {constants.HF_HUB_CACHE}")
    reason: Exception | None = None
    for name in names:
        try:
            return Path(hf_hub_download(repository, filename=name, revision=revision or None))
        except (EntryNotFoundError, OSError) as error:
            reason = error
            if isinstance(error, LocalEntryNotFoundError) or not isinstance(error, EntryNotFoundError):
                break  # the hub cannot be reached, or says no: it would for the other name
    raise _missing(repository, names, Path(constants.HF_HUB_CACHE), reason)


def _missing(repository: str, names: tuple[str, ...], cache: Path, reason: Exception | None) -> Faults:
    folder = cache / f"models--{repository.replace('/', '--')}"
    said = (str(reason).splitlines() or [type(reason).__name__])[0]
    message = f"`{names[0]}` of `{repository}` is not in `{folder}`, and cannot be fetched: {said}"
    help = (
        f"connect to the network, or fetch it elsewhere with `hf download {repository}` and copy the folder"
    )
    return fault("missing-weights", message, exit_code=3, help=help)
