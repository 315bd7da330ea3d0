"""Sends a notification for entries of chosen kinds, through Apprise, which the extra ``notify`` installs."""

from watcher import Entry, Settings, hookimpl


@hookimpl
def recorded(entry: Entry, settings: Settings) -> None:
    """Notify every address in ``hooks.notify.urls`` of an entry whose kind is in ``hooks.notify.kinds``.

    Raises:
        ImportError: addresses are set, but Apprise is not installed.
        RuntimeError: an address is invalid, or nothing could be delivered.
    """
    options = settings.hooks.notify
    if not options.urls or entry.verdict.kind not in options.kinds:
        return
    import apprise  # noqa: PLC0415 - an optional extra, loaded only where it is used

    sender = apprise.Apprise()
    if not all(sender.add(url) for url in options.urls):
        raise RuntimeError("hooks.notify.urls holds an address that Apprise does not know")
    capture = entry.verdict.capture
    title = f"Display {capture.display}: {entry.verdict.kind}"
    if not sender.notify(title=title, body=entry.verdict.reason or capture.path.name):
        raise RuntimeError("the notification was not delivered")
