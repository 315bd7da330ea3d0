"""Drawn screens: what `framesift demo` and the tests photograph where there is no display to photograph."""

from watcher.demo.scenes.drawing import draw
from watcher.demo.scenes.scene import DEMO_DISPLAYS, Display, Scene, SceneKind
from watcher.demo.scenes.stories import TICKS_PER_SHIFT, scene_at, story

__all__ = ["DEMO_DISPLAYS", "TICKS_PER_SHIFT", "Display", "Scene", "SceneKind", "draw", "scene_at", "story"]
