"""Lays out the folder that the build's scripts work in."""

from pathlib import Path

from mayfly.domain.architecture import Architecture
from mayfly.machines.images.plan import SCRIPTS, BuildPlan, source
from mayfly.machines.images.recipe import RecipeFile
from mayfly.system.process import run

_APT_CONF = """\
APT::Architecture "{arch}";
APT::Architectures {{ "{arch}"; }};
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Acquire::GzipIndexes "false";
Acquire::Languages "none";
Acquire::Retries "5";
Debug::NoLocking "true";
Dir::Cache "{work}/apt/{arch}/cache";
Dir::Cache::archives "{cache}";
Dir::Etc "{work}/apt/etc";
Dir::Etc::TrustedParts "{work}/apt/trusted";
Dir::Log "{work}/apt/log";
Dir::State "{work}/apt/{arch}/state";
Dir::State::lists "{work}/apt/{arch}/lists";
Dir::State::status "{work}/apt/status";
"""


def lay_out(
    work: Path, cache: Path, plan: BuildPlan, native: Architecture, *, acquire: str
) -> None:
    """Write scripts, apt's configuration and the files to lay over the root into `work`."""
    for script in SCRIPTS:
        (work / script).write_text(source(script))
    (work / "commands.sh").write_text("\n".join(["set -e", *plan.recipe.commands, ""]))
    for path, file in plan.files.items():
        _lay_over(work / "overlay", path, file)
    for folder in ("etc/apt.conf.d", "etc/preferences.d", "log", "trusted"):
        (work / "apt" / folder).mkdir(parents=True)
    (work / "apt" / "status").touch()
    (work / "apt" / "etc" / "sources.list").write_text(plan.recipe.apt.sources())
    for architecture in {plan.architecture, native}:
        archives = cache / architecture
        (archives / "partial").mkdir(parents=True, exist_ok=True)
        for folder in ("cache", "state", "lists/partial"):
            (work / "apt" / architecture / folder).mkdir(parents=True)
        text = _APT_CONF.format(arch=architecture, work=work, cache=archives)
        (work / f"apt-{architecture}.conf").write_text(acquire + text)


async def host_acquire() -> str:
    """How this host's apt fetches, as lines of its configuration: proxies, checks of dates ..."""
    dump = await run(["apt-config", "dump", "--format", '%F "%v";%n', "Acquire"])
    # Index targets are for catalogues of desktop applications.
    wanted = [line for line in dump.stdout.splitlines() if "::IndexTargets" not in line]
    return "\n".join([*wanted, ""])


def _lay_over(overlay: Path, path: str, file: RecipeFile) -> None:
    target = overlay / path.lstrip("/")
    missing = [folder for folder in target.parents if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir()
        folder.chmod(0o755)
    target.write_text(file.content)
    target.chmod(file.mode)
