from dataclasses import replace
from pathlib import Path

import pytest

from mayfly.domain.architecture import Architecture
from mayfly.machines.images import plan as module
from mayfly.machines.images.plan import make_plan
from mayfly.machines.images.recipe import Recipe, RecipeFile, load_recipe

RECIPE = Recipe("tools", packages=("git",))


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    (tmp_path / "proxy.crt").write_text("-----BEGIN CERTIFICATE-----")
    (tmp_path / "README").write_text("not a certificate")
    return tmp_path


def test_what_every_guest_needs_is_added() -> None:
    packages = make_plan(RECIPE, Architecture.ARM64).packages
    assert {"git", "systemd-sysv", "python3-yaml", "busybox-static", "sudo"} <= set(packages)
    assert len(set(packages)) == len(packages)


def test_the_kernel_is_the_cloud_one_of_the_guests_architecture() -> None:
    assert make_plan(RECIPE, Architecture.ARM64).kernel == "linux-image-cloud-arm64"


def test_the_hosts_extra_authorities_go_into_the_guest(certificates: Path) -> None:
    files = make_plan(RECIPE, Architecture.AMD64, certificates).files
    found = [path for path in files if path.startswith("/usr/local/share/ca-certificates/")]
    assert found == ["/usr/local/share/ca-certificates/proxy.crt"]


def test_a_recipes_files_win_over_ours() -> None:
    recipe = replace(RECIPE, files={"/etc/hosts": RecipeFile("10.0.0.1 me\n")})
    files = make_plan(recipe, Architecture.AMD64).files
    assert files["/etc/hosts"].content == "10.0.0.1 me\n"
    assert files["/etc/hostname"].content == "localhost\n"


def test_guests_get_the_recipes_package_sources() -> None:
    plan = make_plan(RECIPE, Architecture.AMD64)
    assert plan.files["/etc/apt/sources.list"].content == RECIPE.apt.sources()


def test_the_digest_changes_with_all_that_the_image_is_made_of(
    certificates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "none"
    digests = [
        make_plan(RECIPE, Architecture.AMD64, empty).digest,
        make_plan(RECIPE, Architecture.ARM64, empty).digest,
        make_plan(RECIPE, Architecture.AMD64, certificates).digest,
        make_plan(replace(RECIPE, packages=("jq",)), Architecture.AMD64, empty).digest,
        make_plan(replace(RECIPE, commands=("true",)), Architecture.AMD64, empty).digest,
    ]
    monkeypatch.setattr(module, "source", lambda name: f"another {name}")
    digests.append(make_plan(RECIPE, Architecture.AMD64, empty).digest)
    assert len(set(digests)) == len(digests)


def test_the_digest_stays_for_the_same_plan(certificates: Path) -> None:
    digests = {
        make_plan(load_recipe("default"), Architecture.AMD64, certificates).digest for _ in range(2)
    }
    assert len(digests) == 1
