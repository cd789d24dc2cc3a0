"""What people do on pages, in a real browser: sign in, approve, cancel, retry, change."""

import pytest
from playwright.async_api import expect
from tests.server.api.site import PROJECT
from tests.server.web.scene import (
    AMD64,
    CI,
    DEPLOY,
    ONE,
    Worker,
    environment,
    jobs_of,
    run_row,
    size,
    submit,
)
from tests.server.web.stage import Stage

from mayfly.domain.job import JobState
from mayfly.store.people import SecretRow, TokenRow
from mayfly.store.rows import HostRow, ProjectRow, ReviewRow, RunRow

BUILD = """\
  build:
    runs-on: mayfly-1cpu-1gb
    steps: [{run: make}]
"""

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_signing_in_with_a_token_leads_to_where_one_wanted(stage: Stage) -> None:
    page = await stage.page()
    await page.goto("/tokens")
    await expect(page.get_by_role("heading", name="Sign in to Mayfly")).to_be_visible()
    await page.get_by_label("API token").fill("mayfly_wrong")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("this token is not good")
    await page.get_by_label("API token").fill(stage.site.tokens["viewer"])
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/tokens")
    await page.locator(".menu summary").click()
    await page.get_by_role("button", name="Sign out").click()
    await page.wait_for_url("**/sign-in")
    await page.goto("/tokens")
    await page.wait_for_url("**/sign-in?to=%2Ftokens")


async def test_jobs_come_and_go_on_the_page_by_themselves(stage: Stage) -> None:
    page = await stage.page("viewer")
    await page.goto("/")
    await expect(page.get_by_text("Nothing runs, nothing waits")).to_be_visible()
    await submit(stage.site, ONE)
    queued = page.locator("[data-row]", has_text="build")
    await expect(queued).to_contain_text("there is no host yet")
    worker = await Worker(stage.site, "h1", size(4, 8, AMD64)).open()
    lease = await worker.start()
    await expect(page.get_by_title("running")).to_be_visible()
    await expect(page.locator(".tiles")).to_contain_text("online, 1 job")
    await worker.end(lease)
    await expect(page.get_by_text("Nothing runs, nothing waits")).to_be_visible()


async def test_what_one_types_stays_while_the_page_lives(stage: Stage) -> None:
    await environment(stage.site)
    run = await submit(stage.site, f"{DEPLOY}{BUILD}")
    page = await stage.page("maintainer")
    await page.goto(f"/runs/{run}")
    comment = page.get_by_placeholder("Comment, if you like")
    await comment.fill("I have")
    build = next(job for job in await jobs_of(stage.site, run) if job.planned.key == "build")
    orchestrator = stage.site.services.orchestrator
    await stage.site.store.serial(lambda tx: orchestrator.cancel_job(tx, build.id, "enough"))
    await expect(page.locator("[data-row]", has_text="build")).to_contain_text("enough")
    await expect(comment).to_be_focused()
    await page.keyboard.type(" looked")
    await expect(comment).to_have_value("I have looked")


async def test_a_reviewer_approves(stage: Stage) -> None:
    await environment(stage.site)
    run = await submit(stage.site, DEPLOY, actor="ada")
    page = await stage.page("maintainer")
    await page.goto("/")
    await page.locator("main").get_by_role("link", name="production").click()
    await expect(page.locator("[data-row]")).to_contain_text("to approve environment")
    await page.get_by_placeholder("Comment, if you like").fill("looks <b>fine</b>")
    await page.get_by_role("button", name="Approve").click()
    await expect(page.locator("#reviews")).to_contain_text("approved by maintainer")
    await expect(page.locator("#reviews")).to_contain_text("looks <b>fine</b>")
    [job] = await jobs_of(stage.site, run)
    assert job.state is JobState.QUEUED
    assert (await stage.site.audited())[-1] == "review.approve"


async def test_a_reviewer_rejects(stage: Stage) -> None:
    await environment(stage.site)
    run = await submit(stage.site, DEPLOY)
    page = await stage.page("admin")
    await page.goto(f"/runs/{run}")
    await page.get_by_role("button", name="Reject").click()
    await expect(page.locator("#reviews")).to_contain_text("rejected by admin")
    [review] = await stage.site.rows(ReviewRow)
    assert review.approved is False


async def test_others_see_who_may_approve(stage: Stage) -> None:
    await environment(stage.site)
    run = await submit(stage.site, DEPLOY)
    page = await stage.page("viewer")
    await page.goto(f"/runs/{run}")
    await expect(page.locator("#reviews")).to_contain_text("it is for maintainer or admin to say")
    await expect(page.locator("#reviews")).to_contain_text("sent this as a clone")
    await stage.site.store.serial(
        lambda tx: tx.update(RunRow, run, {}, proven_ref="refs/heads/main")
    )
    await page.reload()
    await expect(page.locator("#reviews")).to_contain_text("it is for maintainer or admin to say")
    await expect(page.locator("main")).not_to_contain_text("clone")
    await expect(page.get_by_role("button", name="Approve")).to_have_count(0)


async def test_a_run_is_cancelled_and_run_again(stage: Stage) -> None:
    run = await submit(stage.site, CI)
    page = await stage.page("maintainer")
    await page.goto(f"/runs/{run}")
    page.once("dialog", lambda dialog: dialog.dismiss())
    await page.get_by_role("button", name="Cancel run").click()
    await expect(page.get_by_role("button", name="Cancel run")).to_be_visible()
    page.once("dialog", lambda dialog: dialog.accept())
    await page.get_by_role("button", name="Cancel run").click()
    await expect(page.locator("h1 + .state")).to_have_text("cancelled")
    await expect(page.get_by_text("cancelled by maintainer").first).to_be_visible()
    assert (await run_row(stage.site, run)).cancelled == "cancelled by maintainer"
    await page.get_by_role("button", name="Run all again").click()
    await page.wait_for_url(lambda url: "/runs/" in url and run not in url)
    await expect(page.locator(".facts")).to_contain_text("Attempt2")
    assert (await stage.site.audited())[-2:] == ["run.cancel", "run.retry"]


async def test_a_job_is_cancelled(stage: Stage) -> None:
    run = await submit(stage.site, ONE)
    [job] = await jobs_of(stage.site, run)
    page = await stage.page("maintainer")
    await page.goto(f"/jobs/{job.id}")
    page.on("dialog", lambda dialog: dialog.accept())
    await page.get_by_role("button", name="Cancel job").click()
    await expect(page.locator("h1 + .state")).to_have_text("cancelled")


async def test_a_viewer_is_offered_nothing_to_do(stage: Stage) -> None:
    run = await submit(stage.site, ONE)
    [job] = await jobs_of(stage.site, run)
    await Worker(stage.site, "h1", size(4, 8, AMD64)).open()
    page = await stage.page("viewer")
    for path in (f"/runs/{run}", f"/jobs/{job.id}", "/hosts", "/hosts/h1", f"/projects/{PROJECT}"):
        await page.goto(path)
        buttons = page.locator("main form[method=post]")
        assert await buttons.count() == 0, path


async def test_a_host_is_drained_and_gets_jobs_again(stage: Stage) -> None:
    await Worker(stage.site, "h1", size(4, 8, AMD64)).open()
    page = await stage.page("root")
    await page.goto("/hosts")
    await page.get_by_role("link", name="h1").click()
    await page.get_by_role("button", name="Drain").click()
    await expect(page.locator(".head")).to_contain_text("draining")
    [row] = await stage.site.rows(HostRow)
    assert row.draining
    await page.get_by_role("button", name="Give it jobs again").click()
    await expect(page.locator(".head")).to_contain_text("online")


async def test_a_token_for_a_new_host_is_shown_once(stage: Stage) -> None:
    page = await stage.page("root")
    await page.goto("/hosts")
    await page.get_by_label("Labels, if any").fill("nvme, gpu")
    await page.get_by_role("button", name="Make a token").click()
    await expect(page.get_by_role("status")).to_contain_text("mayfly_enroll_")
    await page.goto("/hosts")
    await expect(page.locator("main")).not_to_contain_text("mayfly_enroll_")


async def test_secrets_go_in_and_never_come_out(stage: Stage) -> None:
    page = await stage.page("admin")
    page.on("dialog", lambda dialog: dialog.accept())
    await page.goto(f"/projects/{PROJECT}")
    await page.get_by_label("Name of the secret").fill("deploy_key")
    await page.get_by_label("Its value").first.fill("s3cr3t\nof two lines")
    await page.locator("#secrets").get_by_role("button", name="Set").click()
    await expect(page.locator("#secrets")).to_contain_text("DEPLOY_KEY")
    assert "s3cr3t" not in await page.content()
    [row] = await stage.site.rows(SecretRow)
    assert row.value.replace("\r\n", "\n") == "s3cr3t\nof two lines"
    await page.get_by_role("button", name="Remove DEPLOY_KEY").click()
    await expect(page.locator("#secrets")).not_to_contain_text("DEPLOY_KEY")


async def test_a_project_is_changed(stage: Stage) -> None:
    page = await stage.page("root")
    await page.goto(f"/projects/{PROJECT}")
    await page.get_by_label("vCPU at once").fill("2.5")
    await page.get_by_label("Weight against other projects").fill("3")
    await page.get_by_role("button", name="Save").last.click()
    await expect(page.locator(".facts")).to_contain_text("2.5 vCPU")
    await page.get_by_label("vCPU at once").fill("")
    await page.get_by_role("button", name="Save").last.click()
    await expect(page.locator(".facts")).to_contain_text("Quotanone")
    await page.get_by_label("Anyone may look at its runs").check()
    await page.get_by_role("button", name="Save").first.click()
    await expect(page.locator(".facts")).to_contain_text("anyone")
    [row] = await stage.site.rows(ProjectRow, id=PROJECT)
    assert (row.weight, row.quota_millicpu, row.public) == (3, None, True)


async def test_what_is_filled_in_wrongly_is_said(stage: Stage) -> None:
    page = await stage.page("root")
    await page.goto(f"/projects/{PROJECT}")
    await page.get_by_label("Clone address").fill("not an address")
    await page.get_by_role("button", name="Save").first.click()
    await expect(page.locator("main")).to_contain_text("clone url")
    await page.go_back()
    await expect(page.get_by_label("Clone address")).to_be_visible()


async def test_an_environment_is_made(stage: Stage) -> None:
    page = await stage.page("admin")
    await page.goto(f"/projects/{PROJECT}")
    await page.get_by_text("Add an environment").click()
    await page.get_by_label("Name", exact=True).fill("staging")
    await page.get_by_label("Reviewers").fill("maintainer, viewer")
    await page.locator("#environments").get_by_role("button", name="Save").click()
    await expect(page.locator("h1")).to_have_text("staging")
    await expect(page.locator(".head")).to_contain_text("maintainer or viewer must approve")


async def test_an_environment_is_changed_and_given_secrets_and_removed(stage: Stage) -> None:
    await environment(stage.site)
    page = await stage.page("admin")
    page.on("dialog", lambda dialog: dialog.accept())
    await page.goto(f"/projects/{PROJECT}")
    await page.locator("#environments").get_by_role("link", name="production").click()
    await page.get_by_label("Only these branches").fill("main tag:v*")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator(".head")).to_contain_text("only main, tag:v*")
    await expect(page.get_by_label("Reviewers")).to_have_value("maintainer admin")
    await page.get_by_label("Name of the secret").fill("deploy_key")
    await page.get_by_label("Its value").first.fill("s3cr3t")
    await page.locator("#secrets").get_by_role("button", name="Set").click()
    await expect(page.locator("#secrets")).to_contain_text("DEPLOY_KEY")
    assert "s3cr3t" not in await page.content()
    [row] = await stage.site.rows(SecretRow)
    assert (row.environment, row.value) == ("production", "s3cr3t")
    await page.get_by_label("Name of the variable").fill("region")
    await page.get_by_label("Its value").last.fill("eu")
    await page.locator("#variables").get_by_role("button", name="Set").click()
    await expect(page.locator("#variables")).to_contain_text("eu")
    await page.goto(f"/projects/{PROJECT}")
    await expect(page.locator("#secrets")).not_to_contain_text("DEPLOY_KEY")
    await page.go_back()
    await page.locator(".head").get_by_role("button", name="Remove production").click()
    await page.wait_for_url(f"**/projects/{PROJECT}#environments")
    assert await stage.site.rows(SecretRow) == []


async def test_members_are_added_changed_and_removed(stage: Stage) -> None:
    page = await stage.page("admin")
    page.on("dialog", lambda dialog: dialog.accept())
    await page.goto(f"/projects/{PROJECT}")
    await page.get_by_role("link", name="add, change, invite").click()
    await page.get_by_label("User name").fill("stranger")
    await page.get_by_role("button", name="Add", exact=True).click()
    row = page.locator("#members li", has_text="stranger")
    await expect(row.get_by_label("Role of stranger")).to_have_value("viewer")
    await row.get_by_label("Role of stranger").select_option("maintainer")
    async with page.expect_navigation():
        await row.get_by_role("button", name="Change").click()
    await expect(row.get_by_label("Role of stranger")).to_have_value("maintainer")
    await row.get_by_role("button", name="Remove stranger").click()
    await expect(row).to_have_count(0)
    assert (await stage.site.audited())[-3:] == ["member.set", "member.set", "member.remove"]


async def test_a_person_is_added_and_shut_out(stage: Stage) -> None:
    page = await stage.page("root")
    page.on("dialog", lambda dialog: dialog.accept())
    await page.goto("/")
    await page.locator(".menu summary").click()
    await page.get_by_role("link", name="People").click()
    await page.get_by_label("User name").fill("ada")
    await page.get_by_label("Mail address").fill("Ada@example.org")
    await page.get_by_role("button", name="Add", exact=True).click()
    row = page.locator("#user-ada")
    await expect(row).to_contain_text("ada@example.org")
    await row.locator("summary").click()
    await row.get_by_role("button", name="Make a token").click()
    token = await page.locator("#token").inner_text()
    assert await usable(stage, token)
    for word, said in (("Make administrator", "administrator"), ("Disable", "disabled")):
        await row.locator("summary").click()
        await row.get_by_role("button", name=word).click()
        await expect(row).to_contain_text(said)
    assert not await usable(stage, token)
    assert token not in await page.content()


async def test_a_token_is_made_shown_once_and_revoked(stage: Stage) -> None:
    page = await stage.page("viewer")
    page.on("dialog", lambda dialog: dialog.accept())
    await page.goto("/tokens")
    await page.get_by_label("Name").fill("laptop")
    await page.get_by_role("button", name="Make it").click()
    token = await page.locator("#token").inner_text()
    assert await usable(stage, token)
    await page.goto("/tokens")
    assert token not in await page.content()
    await page.get_by_role("button", name="Revoke laptop").click()
    await expect(page.locator(".rows")).not_to_contain_text("laptop")
    assert not await usable(stage, token)
    assert len(await stage.site.rows(TokenRow, user="viewer")) == 1


async def usable(stage: Stage, token: str) -> bool:
    async with stage.site.client() as client:
        headers = {"Authorization": f"Bearer {token}"}
        return (await client.get("/api/v1/session", headers=headers)).status_code == 200


async def test_forms_need_no_scripts(stage: Stage) -> None:
    run = await submit(stage.site, ONE)
    page = await stage.page("maintainer", java_script_enabled=False)
    await page.goto(f"/runs/{run}")
    await page.get_by_role("button", name="Cancel run").click()
    await expect(page.locator("h1 + .state")).to_have_text("cancelled")
    await page.goto("/runs?project=acme/site")
    await expect(page.locator("[data-row]")).to_have_count(1)


async def test_who_is_signed_out_meanwhile_is_asked_to_sign_in(stage: Stage) -> None:
    page = await stage.page("viewer")
    run = await submit(stage.site, CI)
    await page.goto(f"/runs/{run}")
    await expect(page.locator("[data-pulse]")).to_have_text("live")
    await page.context.clear_cookies()
    await stage.site.services.store.serial(
        lambda tx: stage.site.services.orchestrator.cancel_run(tx, run, "enough") or None
    )
    await page.wait_for_url("**/sign-in?to=**")
