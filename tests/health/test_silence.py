from datetime import timedelta

from watcher.health.silence import SilenceAlarm

FIVE_MINUTES = timedelta(minutes=5)


def test_silence_is_told_once_and_so_is_its_end() -> None:
    alarm = SilenceAlarm(FIVE_MINUTES, alarm_after=timedelta(days=1), now=0.0)
    assert alarm.alarm(899) == ""
    assert alarm.alarm(901) == "no new capture for 15 min; usually there is one every 5 min"
    assert alarm.alarm(2000) == ""
    assert alarm.seen(distinct=False, interval=FIVE_MINUTES, now=3000) == "captures are coming again after 50 min"
    assert alarm.seen(distinct=False, interval=FIVE_MINUTES, now=3300) == ""
    assert alarm.alarm(4300) != ""


def test_nothing_is_called_silent_before_the_usual_is_known() -> None:
    assert SilenceAlarm(None, alarm_after=timedelta(days=9), now=0.0).alarm(100_000) == ""


def test_nothing_new_for_long_is_told_once_until_something_new_comes() -> None:
    alarm = SilenceAlarm(None, alarm_after=timedelta(hours=24), now=0.0)
    day = 24 * 3600.0
    alarm.seen(distinct=False, interval=None, now=day)
    assert "nothing new on any display for 24 h" in alarm.alarm(day + 1)
    assert alarm.alarm(day + 2) == ""
    alarm.seen(distinct=True, interval=None, now=day + 3)
    assert alarm.alarm(2 * day) == ""
    assert alarm.alarm(2 * day + 5) != ""
