"""How each state looks: an icon, a tone and a word, so that colour is never the only sign.

Tones: `ok`, `fail` (the job's fault), `late` (it took too long), `lost` (ours), `stop` (a person's
wish), `live`, `wait`, `none`.
"""

from dataclasses import dataclass

from mayfly.domain.job import Conclusion, JobState


@dataclass(frozen=True, slots=True)
class Look:
    """`icon` names a symbol of the page's sprite, `tone` a class of its style sheet."""

    icon: str
    tone: str
    word: str


WAITING = Look("wait", "wait", "waiting")
RUNNING = Look("live", "live", "running")

_STATES = {
    JobState.BLOCKED: Look("blocked", "wait", "blocked"),
    JobState.QUEUED: Look("wait", "wait", "queued"),
    JobState.ASSIGNED: Look("live", "live", "assigned"),
    JobState.STARTING: Look("live", "live", "starting"),
    JobState.RUNNING: RUNNING,
    JobState.SUCCEEDED: Look("ok", "ok", "succeeded"),
    JobState.FAILED: Look("fail", "fail", "failed"),
    JobState.CANCELLED: Look("stop", "stop", "cancelled"),
    JobState.TIMED_OUT: Look("late", "late", "timed out"),
    JobState.LOST: Look("lost", "lost", "lost"),
    JobState.SKIPPED: Look("skip", "none", "skipped"),
    JobState.REJECTED: Look("reject", "fail", "rejected"),
}
_CONCLUSIONS = {
    Conclusion.SUCCESS: _STATES[JobState.SUCCEEDED],
    Conclusion.FAILURE: _STATES[JobState.FAILED],
    Conclusion.CANCELLED: _STATES[JobState.CANCELLED],
    Conclusion.SKIPPED: _STATES[JobState.SKIPPED],
}


def of_state(state: JobState) -> Look:
    return _STATES[state]


def of_conclusion(conclusion: Conclusion | None) -> Look:
    """Of a run: None while it goes on."""
    return RUNNING if conclusion is None else _CONCLUSIONS[conclusion]
