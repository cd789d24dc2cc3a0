"""Jobs and what they need, as a picture."""

from itertools import pairwise

from tests.server.web.views.rows import job

from mayfly.server.web.views.graph import HEIGHT, WIDTH, graph_of


def test_jobs_that_need_nothing_are_a_list() -> None:
    assert graph_of([job("a"), job("b")]) is None


def test_what_is_needed_is_left_of_what_needs_it() -> None:
    graph = graph_of([job("d", needs=["b", "c"]), job("c", needs=["a"]), job("a"), job("b")])
    assert graph is not None
    places = {node.name[-1]: node.x for node in graph.nodes}
    assert places["a"] == places["b"] < places["c"] < places["d"]
    assert len(graph.lines) == 3


def test_boxes_do_not_touch_and_are_inside() -> None:
    names = "abcdef"
    graph = graph_of([*(job(name) for name in names), job("z", needs=list(names))])
    assert graph is not None
    boxes = [(node.x, node.y) for node in graph.nodes]
    assert len(set(boxes)) == len(boxes)
    ys = sorted(y for x, y in boxes if x == min(boxes)[0])
    assert all(lower - upper > HEIGHT for upper, lower in pairwise(ys))
    assert all(x + WIDTH <= graph.width and y + HEIGHT <= graph.height for x, y in boxes)


def test_needs_that_are_not_shown_are_passed_over() -> None:
    graph = graph_of([job("a"), job("b", needs=["a", "gone"])])
    assert graph is not None
    assert len(graph.lines) == 1


def test_long_names_are_shortened_and_kept() -> None:
    graph = graph_of([job("a" * 80), job("b", needs=["a" * 80])])
    assert graph is not None
    assert len(graph.nodes[0].title) <= 25
    assert graph.nodes[0].name == "Job " + "a" * 80


def test_hundreds_of_jobs_are_a_list() -> None:
    many = [job("a"), *(job(f"b{number}", needs=["a"]) for number in range(100))]
    assert graph_of(many) is None
