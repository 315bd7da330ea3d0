"""Do settings, hooks and the device do what was asked of them?"""

from pathlib import Path

from watcher.errors import WatcherError
from watcher.judge import libvips
from watcher.judge.device import choose_device
from watcher.judge.scenes import require_references
from watcher.keep.plugins import Hooks
from watcher.model.finding import Finding
from watcher.settings.settings import Settings

_DRIVERS = {"cuda": Path("/proc/driver/nvidia/version")}


def scenes_are_known(settings: Settings) -> Finding:
    """Whether the reference of every scene can be read."""
    try:
        policy = settings.policy
        require_references(policy)
    except WatcherError as error:
        return Finding.sick(
            "scenes", str(error), "the picture was moved, deleted or replaced", "put it back, or take the scene out"
        )
    return Finding.well("scenes", ", ".join(scene.name for scene in policy.scenes) or "there are none")


def hooks_load(settings: Settings, folder: Path) -> Finding:
    """Whether every hook can be loaded; those of the user's own are run for that as the watcher runs them."""
    complaints: list[str] = []
    hooks = Hooks(settings, folder, complaints.append)
    if complaints:
        return Finding.sick(
            "hooks", "; ".join(complaints), "the watcher works without them", f"mend the file in {folder}, or block it"
        )
    return Finding.well("hooks", ", ".join(hooks.names))


def device_is_there(name: str, fallback: str = "") -> Finding:
    """Whether captures can be compared on the device that the settings ask for; *fallback*: why a watcher does not."""
    if fallback:
        return Finding.odd(
            "device", fallback, "its driver, or too little memory", "mend it, and start the watcher anew"
        )
    try:
        device = choose_device(name)
    except WatcherError as error:
        return Finding.sick("device", str(error), _why_not(name), 'set device = "auto", or install what is missing')
    if name == "auto" and device.type == "cpu" and _DRIVERS["cuda"].exists():
        return Finding.odd("device", "auto takes the CPU, beside an NVIDIA driver", _why_not("cuda"))
    return Finding.well("device", device.type if name != "auto" else f"auto takes {device.type}")


def decoder_is_fast() -> Finding:
    """Whether pictures are decoded by the fast library, or all by Pillow."""
    why_not = libvips.why_not()
    if not why_not:
        return Finding.well("decoder", f"libvips {libvips.version()}")
    found = f"pictures are decoded by Pillow, which takes almost twice the time: {why_not}"
    cause = "its package has no library for this machine, or another libvips is in its place"
    return Finding.odd("decoder", found, cause, 'pip install --force-reinstall "pyvips[binary]"')


def _why_not(name: str) -> str:
    if name != "cuda":
        return "MPS needs a Mac with Apple silicon and macOS 14"
    if _DRIVERS["cuda"].exists():
        return "there is a driver, but this PyTorch was built without CUDA, or needs a newer one"
    return "there is no NVIDIA driver on this machine"
