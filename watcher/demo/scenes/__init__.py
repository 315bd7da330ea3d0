"""Drawn screens: what `framesift demo` and the tests photograph where there is no display to photograph."""

from watcher.demo.scenes.desktop import draw
from watcher.demo.scenes.story import DEMO_DISPLAYS, TICKS_PER_SHIFT, Display, Scene, SceneKind, scene_at

__all__ = ["DEMO_DISPLAYS", "TICKS_PER_SHIFT", "Display", "Scene", "SceneKind", "draw", "scene_at"]
