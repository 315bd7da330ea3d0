"""``framesift help``: the manual, and the help of each verb."""

from importlib import resources

import click

from watcher.errors import EXIT_USAGE
from watcher.terminal.console import print_error
from watcher.terminal.markdown import print_markdown

_MANUAL = resources.files("watcher") / "manual"


@click.command(name="help")
@click.argument("words", metavar="[TOPIC|VERB]", nargs=-1)
@click.pass_context
def command(context: click.Context, words: tuple[str, ...]) -> None:
    """Read the manual, or the help of a verb.

    Without TOPIC, it lists the topics. A topic is formatted on a terminal; where the output goes to a file or to
    another program, it is plain Markdown.

    \b
    Examples:
      framesift help settings           a topic
      framesift help settings | less    the same, page by page
      framesift help service install    a verb
    """
    name = " ".join(words)
    if not words:
        _list_topics()
    elif name in topics():
        _print_topic(name)
    elif verb := _verb(context.find_root(), words):
        click.echo(verb.get_help())
    else:
        print_error(f"there is no topic or verb {name!r}; the topics are {', '.join(topics())}")
        context.exit(EXIT_USAGE)


def topics() -> list[str]:
    """The pages of the manual."""
    return sorted(page.name.removesuffix(".md") for page in _MANUAL.iterdir())


def page_of(topic: str) -> str:
    """The page about *topic*, in Markdown: its title, a line that says what it is about, and the rest."""
    return (_MANUAL / f"{topic}.md").read_text(encoding="utf-8")


def about(topic: str) -> str:
    """The line that says what the page about *topic* is about."""
    return page_of(topic).split("\n\n")[1]


def _list_topics() -> None:
    width = max(map(len, topics()))
    for topic in topics():
        click.echo(f"{topic:<{width}}  {about(topic)}")
    click.echo("\nframesift help TOPIC shows one of these, framesift VERB --help what a verb does.")


def _print_topic(topic: str) -> None:
    page = page_of(topic)
    if not print_markdown(page):
        click.echo(page, nl=False)


def _verb(above: click.Context, words: tuple[str, ...]) -> click.Context | None:
    """The verb that *words* name, as if it were asked for below *above*; None if there is none."""
    for word in words:
        found = above.command.get_command(above, word) if isinstance(above.command, click.Group) else None
        if found is None:
            return None
        above = click.Context(found, info_name=word, parent=above)
    return above
