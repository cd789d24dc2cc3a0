"""A job's log in a real browser: as it is printed, through broken lines, and never as markup."""

import pytest
from playwright.async_api import Page, expect
from tests.server.api.site import OPEN
from tests.server.web.cable import cable
from tests.server.web.scene import AMD64, ONE, Worker, size, submit
from tests.server.web.stage import PATIENCE_MS, Stage

from mayfly.domain.job import Conclusion, JobState
from mayfly.protocol.fleet import Lease
from mayfly.protocol.messages import Annotation, Level, StepFinished, StepStarted, Summary
from mayfly.store.rows import JobRow

pytestmark = pytest.mark.asyncio(loop_scope="session")

EVIL = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>'
EVIL_WORKFLOW = f"""\
name: 'run {EVIL}'
on: push
jobs:
  build:
    name: 'job {EVIL}'
    runs-on: mayfly-1cpu-1gb
    steps: [{{run: make}}]
"""
HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
LINES = "() => [...document.querySelectorAll('.lines li > span')].map((one) => one.textContent)"


async def running(stage: Stage, text: str = ONE, **options: str) -> tuple[Worker, Lease]:
    await submit(stage.site, text, **options)
    worker = await Worker(stage.site, "h1", size(4, 8, AMD64)).open()
    lease = await worker.start()
    await worker.say(lease, StepStarted(0, "Run make"))
    return worker, lease


async def lines(page: Page) -> list[str]:
    shown: list[str] = await page.evaluate(LINES)
    return shown


async def has_lines(page: Page, *wanted: str) -> None:
    await expect(page.locator(".lines li > span").last).to_have_text(wanted[-1])
    assert await lines(page) == list(wanted)


async def test_lines_appear_as_they_are_printed(stage: Stage) -> None:
    worker, lease = await running(stage)
    await worker.print(lease, 0, "one", "two")
    page = await stage.page("viewer")
    await page.goto(f"/jobs/{lease.job}")
    await has_lines(page, "one", "two")
    await worker.print(lease, 0, "three")
    await has_lines(page, "one", "two", "three")
    await expect(page.locator("[data-status]")).to_have_text("live")


async def test_its_state_follows_without_loading_the_page_anew(stage: Stage) -> None:
    worker, lease = await running(stage)
    page = await stage.page("viewer")
    await page.goto(f"/jobs/{lease.job}")
    await page.evaluate("() => { window.mark = 1 }")
    await expect(page.locator(".head")).to_contain_text("running")
    await worker.say(lease, StepFinished(0, Conclusion.SUCCESS, Conclusion.SUCCESS, 0))
    await worker.end(lease)
    await expect(page.locator(".head")).to_contain_text("succeeded")
    await expect(page.locator("[data-status]")).to_have_text("complete")
    await expect(page.get_by_role("heading", name="Attempt 1")).to_be_visible()
    assert await page.evaluate("() => window.mark") == 1


async def test_a_broken_line_loses_nothing_and_repeats_nothing(stage: Stage) -> None:
    worker, lease = await running(stage)
    port = int(stage.url.rpartition(":")[2])
    async with cable(port) as line:
        stage.url = f"http://127.0.0.1:{line.port}"
        page = await stage.page("viewer")
        await page.goto(f"/jobs/{lease.job}")
        told = []
        for number in range(4):
            told.append(f"line {number}")
            await worker.print(lease, 0, told[-1])
            await has_lines(page, *told)
            line.cut()
            told.append(f"meanwhile {number}")
            await worker.print(lease, 0, told[-1])
            await has_lines(page, *told)
        await worker.end(lease)
        await expect(page.locator("[data-status]")).to_have_text("complete")
        assert await lines(page) == told
        before = line.carried
        await page.wait_for_timeout(1500)
        assert line.carried == before, "it goes on asking for a log that is complete"


async def test_a_page_that_was_hidden_goes_on_where_it_was(stage: Stage) -> None:
    worker, lease = await running(stage)
    page = await stage.page("viewer")
    await page.goto(f"/jobs/{lease.job}")
    await worker.print(lease, 0, "seen")
    await has_lines(page, "seen")
    await page.evaluate(HIDE, True)
    await worker.print(lease, 0, "unseen")
    await page.evaluate(HIDE, False)
    await has_lines(page, "seen", "unseen")


async def test_what_a_guest_says_is_never_markup(stage: Stage) -> None:
    worker, lease = await running(stage, EVIL_WORKFLOW, branch=EVIL)
    await worker.say(lease, StepStarted(1, f"step {EVIL}"))
    await worker.print(lease, 1, f"line {EVIL}", f"\x1b[31m{EVIL}\x1b[0m", f"##[group]{EVIL}")
    await worker.say(
        lease,
        Annotation(1, Level.ERROR, f"message {EVIL}", f"title {EVIL}", f"file {EVIL}", 1),
        Summary(
            1,
            f"# {EVIL}\n{EVIL}\n\n| {EVIL} | b |\n| - | - |\n| {EVIL} | d |\n\n- {EVIL}\n\n"
            f"`{EVIL}` **{EVIL}** [{EVIL}](javascript:pwned) [x](data:text/html,{EVIL}) "
            "[good](https://example.org/ok)\n\n```\n" + EVIL + "\n```\n",
        ),
        StepFinished(1, Conclusion.FAILURE, Conclusion.FAILURE, 1, f"reason {EVIL}"),
    )
    page = await stage.page("viewer")
    await page.goto(f"/jobs/{lease.job}")
    await expect(page.locator(".lines")).to_contain_text([f"line {EVIL}"])
    await expect(page.locator(".step .name").last).to_have_text(f"step {EVIL}")
    await expect(page.locator("[data-annotations]")).to_contain_text(f"message {EVIL}")
    await expect(page.locator("[data-summary] td").first).to_have_text(EVIL)
    await expect(page.locator("h1")).to_contain_text(f"job {EVIL}")
    links = await page.locator("[data-summary] a").evaluate_all("all => all.map((one) => one.href)")
    assert links == ["https://example.org/ok"]
    await worker.end(lease, JobState.FAILED)
    await expect(page.locator("[data-status]")).to_have_text("complete")
    for path in ("/", "/runs", "/jobs", f"/runs/{lease.job.rsplit('-', 1)[0]}"):
        await page.goto(path)
        await expect(page.locator("main")).to_contain_text(EVIL[:9] if path != "/" else "Now")
        assert await page.locator("main img").count() == 0
        assert await page.locator("main script").count() == 0
    assert await page.evaluate("() => window.pwned") is None


async def test_colours_are_shown_and_other_sequences_are_not(stage: Stage) -> None:
    worker, lease = await running(stage)
    await worker.print(
        lease,
        0,
        "\x1b[1;31mred\x1b[0m plain \x1b[38;5;208morange\x1b[39m \x1b[38;2;1;2;3mdark\x1b[m",
        "a\x1b]0;title\x07b\x1b[2Jc\x1b]8;;http://evil.test\x1b\\d",
        "10%\r100%",
        "\u202eturned\u2066 \x07bell",
    )
    page = await stage.page("viewer")
    await page.goto(f"/jobs/{lease.job}")
    await has_lines(page, "red plain orange dark", "abcd", "100%", "�turned� ␇bell")
    red = page.locator(".lines .f1")
    await expect(red).to_have_text("red")
    await expect(red).to_have_class("bold f1")
    colours = await page.locator(".lines li:first-child > span > span").evaluate_all(
        "all => all.map((one) => getComputedStyle(one).color)"
    )
    assert colours[1:] == ["rgb(255, 135, 0)", "rgb(1, 2, 3)"]


async def test_steps_fold_when_they_end_well(stage: Stage) -> None:
    worker, lease = await running(stage)
    await worker.print(lease, 0, "fine")
    await worker.say(lease, StepFinished(0, Conclusion.SUCCESS, Conclusion.SUCCESS, 0))
    await worker.step(lease, 1, "Run make test", "bad", ok=False)
    page = await stage.page("viewer")
    await page.goto(f"/jobs/{lease.job}")
    await expect(page.locator("#s2 summary")).to_contain_text("exit code 2")
    await expect(page.locator("details#s1")).not_to_have_attribute("open", "")
    await has_lines(page, "bad")
    await page.locator("#s1 summary").click()
    await expect(page.get_by_text("fine", exact=True)).to_be_visible()


async def test_a_line_has_an_address(stage: Stage) -> None:
    worker, lease = await running(stage)
    await worker.print(lease, 0, *(f"line {number}" for number in range(1, 301)))
    await worker.say(lease, StepFinished(0, Conclusion.SUCCESS, Conclusion.SUCCESS, 0))
    page = await stage.page("viewer")
    await page.goto(f"/jobs/{lease.job}#s1-l250")
    wanted = page.locator("#s1-l250")
    await expect(wanted).to_be_in_viewport()
    await expect(wanted).to_contain_text("line 250")
    await page.locator("#s1-l255 a").click()
    assert page.url.endswith("#s1-l255")


async def test_search_finds_lines_of_folded_steps(stage: Stage) -> None:
    worker, lease = await running(stage)
    await worker.print(lease, 0, *(f"line {number}" for number in range(100)), "the Needle")
    await worker.say(lease, StepFinished(0, Conclusion.SUCCESS, Conclusion.SUCCESS, 0))
    await worker.step(lease, 1, "Run more", "another \x1b[31mneedle\x1b[0m")
    page = await stage.page("viewer")
    await page.goto(f"/jobs/{lease.job}")
    await expect(page.locator("#s2")).to_be_visible()
    await page.keyboard.press("/")
    await page.keyboard.type("needle")
    await page.keyboard.press("Enter")
    await expect(page.locator("[data-found]")).to_have_text("1 of 2")
    await expect(page.locator("#s1-l101")).to_be_in_viewport()
    await page.keyboard.press("Enter")
    await expect(page.locator("#s2-l1")).to_be_in_viewport()
    await page.keyboard.press("Enter")
    await expect(page.locator("[data-found]")).to_have_text("1 of 2")


async def test_the_end_is_followed_until_one_scrolls_back(stage: Stage) -> None:
    worker, lease = await running(stage)
    await worker.print(lease, 0, *(f"line {number}" for number in range(200)))
    page = await stage.page("viewer")
    await page.goto(f"/jobs/{lease.job}")
    await expect(page.locator("#s1-l200")).to_be_in_viewport()
    await worker.print(lease, 0, *(f"more {number}" for number in range(100)))
    await expect(page.locator("#s1-l300")).to_be_in_viewport()
    await page.mouse.move(600, 400)
    await page.mouse.wheel(0, -1500)
    await expect(page.get_by_label("Follow")).not_to_be_checked()
    await worker.print(lease, 0, "last")
    await expect(page.locator("#s1-l301")).to_be_attached()
    await expect(page.locator("#s1-l301")).not_to_be_in_viewport()


async def test_a_very_long_log_does_not_fill_the_page(stage: Stage) -> None:
    worker, lease = await running(stage)
    for start in range(0, 24_000, 2_000):
        await worker.print(lease, 0, *(f"line {start + number + 1}" for number in range(2_000)))
    page = await stage.page("viewer")
    await page.goto(f"/jobs/{lease.job}")
    await expect(page.locator("#s1-l24000")).to_be_attached(timeout=2 * PATIENCE_MS)
    assert await page.locator(".lines li").count() <= 20_500
    await page.goto(f"/jobs/{lease.job}#s1-l7")
    await expect(page.locator("#s1-l7")).to_be_in_viewport()


async def test_a_second_attempt_leaves_the_first_to_be_read(stage: Stage) -> None:
    worker, lease = await running(stage)
    await worker.print(lease, 0, "before the loss")
    page = await stage.page("viewer")
    await page.goto(f"/jobs/{lease.job}")
    await has_lines(page, "before the loss")
    await stage.site.services.hosts.close_session(worker.session)
    other = await Worker(stage.site, "h2", size(4, 8, AMD64)).open()
    again = await other.start()
    assert (again.job, again.attempt) == (lease.job, 2)
    await other.say(again, StepStarted(0, "Run make"))
    await other.print(again, 0, "after it")
    await expect(page.get_by_text("after it")).to_be_visible()
    await expect(page.get_by_text("Another attempt")).to_be_visible()
    await expect(page.locator(".facts")).to_contain_text("1 host lost")


async def test_anyone_reads_the_log_of_a_public_project(stage: Stage) -> None:
    worker, lease = await running(stage, project=OPEN)
    await worker.print(lease, 0, "open")
    page = await stage.page()
    await page.goto(f"/jobs/{lease.job}")
    await has_lines(page, "open")
    [job] = await stage.site.rows(JobRow)
    assert job.project == OPEN
