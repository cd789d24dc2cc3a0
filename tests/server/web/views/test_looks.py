"""How states look."""

from mayfly.domain.job import Conclusion, JobState
from mayfly.server.web.views.looks import of_conclusion, of_state


def test_each_state_has_a_look_of_its_own_beside_its_colour() -> None:
    looks = {state: of_state(state) for state in JobState}
    ended = [looks[state] for state in JobState if state.is_final]
    assert len({look.icon for look in ended}) == len(ended)
    assert len({look.word for look in looks.values()}) == len(looks)


def test_whose_fault_it_was_is_never_mixed_up() -> None:
    tones = {
        JobState.FAILED: "fail",
        JobState.LOST: "lost",
        JobState.CANCELLED: "stop",
        JobState.TIMED_OUT: "late",
    }
    assert {state: of_state(state).tone for state in tones} == tones


def test_a_run_goes_on_until_it_has_a_conclusion() -> None:
    assert of_conclusion(None).word == "running"
    assert of_conclusion(Conclusion.FAILURE).tone == "fail"
