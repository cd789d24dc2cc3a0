"""What accounts, repositories and apps look like in GitHub's JSON."""

from datetime import UTC, datetime
from typing import Any

from tests.standins.github.links import REPOSITORY_LINKS, USER_LINKS
from tests.standins.github.world import Account, App, Installation, Repository

Json = dict[str, Any]


def stamp(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def maybe_stamp(seconds: float | None) -> str | None:
    return None if seconds is None else stamp(seconds)


def node(kind: str, id_: int) -> str:
    return f"{kind}_{id_}"


class AccountPayloads:
    """`api` is the REST interface's address, `web` that of the pages."""

    def __init__(self, api: str, web: str):
        self.api = api
        self.web = web

    def user(self, account: Account) -> Json:
        url = f"{self.api}/users/{account.login}"
        return {
            "login": account.login,
            "id": account.id,
            "node_id": node("U", account.id),
            "avatar_url": f"{self.web}/avatars/{account.id}",
            "gravatar_id": "",
            "url": url,
            "html_url": f"{self.web}/{account.login}",
            **{name: url + rest for name, rest in USER_LINKS.items()},
            "type": "Organization" if account.organization else "User",
            "site_admin": False,
        }

    def sender(self, login: str) -> Json:
        return self.user(Account(583231, login, organization=False))

    def organization(self, account: Account) -> Json:
        url = f"{self.api}/orgs/{account.login}"
        return {
            "login": account.login,
            "id": account.id,
            "node_id": node("O", account.id),
            "url": url,
            "repos_url": f"{url}/repos",
            "events_url": f"{url}/events",
            "hooks_url": f"{url}/hooks",
            "issues_url": f"{url}/issues",
            "members_url": f"{url}/members{{/member}}",
            "public_members_url": f"{url}/public_members{{/member}}",
            "avatar_url": f"{self.web}/avatars/{account.id}",
            "description": "",
        }

    def repository(self, repository: Repository) -> Json:
        url = f"{self.api}/repos/{repository.full_name}"
        page = f"{self.web}/{repository.full_name}"
        at = stamp(repository.created)
        return {
            "id": repository.id,
            "node_id": node("R", repository.id),
            "name": repository.name,
            "full_name": repository.full_name,
            "private": repository.private,
            "owner": self.user(repository.owner),
            "html_url": page,
            "description": None,
            "fork": False,
            "url": url,
            **{name: url + rest for name, rest in REPOSITORY_LINKS.items()},
            "created_at": at,
            "updated_at": at,
            "pushed_at": at,
            "git_url": f"git:{page.partition(':')[2]}.git",
            "ssh_url": f"git@{self.web.partition('//')[2]}:{repository.full_name}.git",
            "clone_url": f"{page}.git",
            "svn_url": page,
            "mirror_url": None,
            "homepage": None,
            "language": None,
            "license": None,
            **dict.fromkeys(("size", "stargazers_count", "watchers_count", "forks_count"), 0),
            **dict.fromkeys(("open_issues_count", "forks", "open_issues", "watchers"), 0),
            **dict.fromkeys(("network_count", "subscribers_count"), 0),
            **dict.fromkeys(("has_issues", "has_projects", "has_downloads", "has_wiki"), True),
            **dict.fromkeys(("has_pages", "has_discussions", "archived", "disabled"), False),
            **dict.fromkeys(("is_template", "web_commit_signoff_required"), False),
            "allow_forking": True,
            "topics": [],
            "visibility": "private" if repository.private else "public",
            "default_branch": "main",
        }

    def short_repository(self, repository: Repository) -> Json:
        return {
            "id": repository.id,
            "node_id": node("R", repository.id),
            "name": repository.name,
            "full_name": repository.full_name,
            "private": repository.private,
        }

    def app(self, app: App) -> Json:
        return {
            "id": app.id,
            "slug": app.slug,
            "node_id": node("A", app.id),
            "client_id": app.client_id,
            "owner": self.user(app.owner),
            "name": app.name,
            "description": None,
            "external_url": "https://mayfly.example",
            "html_url": f"{self.web}/apps/{app.slug}",
            "created_at": stamp(app.created),
            "updated_at": stamp(app.created),
            "permissions": app.permissions,
            "events": app.events,
        }

    def installation(self, installation: Installation) -> Json:
        account, id_ = installation.account, installation.id
        suspended = installation.suspended is not None
        return {
            "id": id_,
            "account": self.user(account),
            "repository_selection": "all" if installation.repositories is None else "selected",
            "access_tokens_url": f"{self.api}/app/installations/{id_}/access_tokens",
            "repositories_url": f"{self.api}/installation/repositories",
            "html_url": f"{self.web}/settings/installations/{id_}",
            "app_id": installation.app.id,
            "app_slug": installation.app.slug,
            "target_id": account.id,
            "target_type": "Organization" if account.organization else "User",
            "permissions": installation.app.permissions,
            "events": installation.app.events,
            "created_at": stamp(installation.created),
            "updated_at": stamp(installation.created),
            "single_file_name": None,
            "suspended_by": self.user(account) if suspended else None,
            "suspended_at": maybe_stamp(installation.suspended),
        }
