"""Sends messages of entries of chosen kinds, and notices, through Apprise, which the extra ``notify`` installs."""

from collections.abc import Sequence

from watcher import Entry, Notice, Settings, hookimpl


@hookimpl
def recorded(entry: Entry, settings: Settings) -> None:
    """Notify every address in ``hooks.notify.urls`` of an entry whose kind is in ``hooks.notify.kinds``.

    Raises:
        ImportError: addresses are set, but Apprise is not installed.
        RuntimeError: an address is invalid, or nothing could be delivered.
    """
    options = settings.hooks.notify
    if options.urls and entry.verdict.kind in options.kinds:
        capture = entry.verdict.capture
        title = f"Display {capture.display}: {entry.verdict.kind}"
        _send(options.urls, title, entry.verdict.reason or capture.path.name)


@hookimpl
def noticed(notice: Notice, settings: Settings) -> None:
    """Notify every address in ``hooks.notify.urls`` of *notice* if ``hooks.notify.notices`` is on.

    Raises:
        ImportError, RuntimeError: as :func:`recorded`.
    """
    options = settings.hooks.notify
    if options.urls and options.notices:
        _send(options.urls, f"framesift: {notice.root.name}", notice.text)


def _send(urls: Sequence[str], title: str, body: str) -> None:
    import apprise  # noqa: PLC0415 - an optional extra, loaded only where it is used

    sender = apprise.Apprise()
    if not all(sender.add(url) for url in urls):
        raise RuntimeError("hooks.notify.urls holds an address that Apprise does not know")
    if not sender.notify(title=title, body=body):
        raise RuntimeError("the notification was not delivered")
