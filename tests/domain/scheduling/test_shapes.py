"""Shapes as bits."""

from tests.domain.scheduling.fleets import AMD64, ARM64

from mayfly.domain.scheduling.shapes import Shape, ShapeTable, bits

NONE = frozenset[str]()


def shape(cpu: int, memory: int = 1) -> Shape:
    return Shape(AMD64, cpu, memory, NONE)


def test_what_fits_is_what_needs_no_more() -> None:
    table = ShapeTable()
    known = {table.bit(shape(cpu, memory)): (cpu, memory) for cpu in (1, 2, 4) for memory in (1, 8)}
    for room in [(0, 9), (1, 0), (1, 1), (3, 8), (4, 7), (9, 9)]:
        expected = {bit for bit, need in known.items() if need[0] <= room[0] and need[1] <= room[1]}
        assert set(bits(table.fitting(*room))) == expected


def test_a_shape_keeps_its_bit_while_jobs_of_it_wait() -> None:
    table = ShapeTable()
    kept = table.bit(shape(1))
    table.count(kept, 1)
    others = [table.bit(shape(number)) for number in range(2, 2000)]
    assert table.bit(shape(1)) == kept
    assert table[kept] == shape(1)
    assert max(others) < 1 << 300, "the bits of idle shapes are used again"


def test_shapes_are_known_by_architecture() -> None:
    table = ShapeTable()
    any_, arm = table.bit(Shape(None, 1, 1, NONE)), table.bit(Shape(ARM64, 1, 1, NONE))
    assert table.suiting(ARM64) == any_ | arm
    assert table.suiting(AMD64) == any_
