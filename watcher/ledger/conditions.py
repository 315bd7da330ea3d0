"""Conditions on the rows of ``entry`` that several statements share."""

from watcher.model.verdict import Kind

OF_ROOT = "root_id = (SELECT id FROM root WHERE path = ?)"
STAYS = f"kind IN ({', '.join(repr(kind.value) for kind in Kind if kind.stays)})"
"""The capture shows a distinct screen: :attr:`watcher.model.verdict.Kind.stays` in SQL."""
SHOWS = "CASE kind WHEN 'duplicate' THEN nearest_id ELSE id END"
"""The entry whose screen a capture shows."""
HAS_PICTURE = "state NOT IN ('missing', 'purged')"
"""The picture is somewhere still, in its root or in quarantine."""
AMONG = "IN (SELECT value FROM json_each(?))"
"""Among the numbers of a list; its value is that list as JSON."""
LEFT_ROOT = "kind = 'duplicate' AND state IN ('quarantined', 'purged')"
"""The capture is a duplicate that takes up no place in its root any more."""
