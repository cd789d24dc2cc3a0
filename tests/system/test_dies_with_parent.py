"""Children that outlive nobody, whenever the parent ends."""

from mayfly.system.process import dies_with_parent, run


async def test_the_command_runs_as_given() -> None:
    ran = await run(dies_with_parent(["printf", "%s|", "a b", "$PPID", ""]))
    assert ran.stdout == "a b|$PPID||"


async def test_the_status_is_the_commands_own() -> None:
    assert (await run(dies_with_parent(["sh", "-c", "exit 7"]), check=False)).status == 7


async def test_nothing_runs_for_a_parent_that_is_gone_already() -> None:
    # The shell in between is the parent now, as init would be after a kill -9 of this process.
    orphan = dies_with_parent(["echo", "ran"])
    ran = await run(["sh", "-c", '"$@"; true', "sh", *orphan])
    assert ran.stdout == ""
