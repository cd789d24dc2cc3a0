from pathlib import Path

import pytest

from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import ExitCode, InvalidInput
from mayfly.machines.images.recipe import (
    Apt,
    Archive,
    Recipe,
    RecipeFile,
    built_in,
    load_recipe,
    parse_recipe,
)

WHOLE = """
name = "tools"
packages = ["git", "g++-12", "libstdc++6"]
commands = ["echo hello"]

[apt]
suite = "trixie"
mirror = "http://mirror.example/debian"
security-mirror = "http://mirror.example/security"
components = ["main", "non-free-firmware"]

[files."/etc/motd"]
content = "hello"

[files."/usr/local/bin/tool"]
content = "#!/bin/sh"
mode = "0755"
"""


def test_a_whole_recipe() -> None:
    recipe = parse_recipe(WHOLE, "tools.toml")
    assert recipe.name == "tools"
    assert recipe.packages == ("git", "g++-12", "libstdc++6")
    assert recipe.commands == ("echo hello",)
    assert recipe.files == {
        "/etc/motd": RecipeFile("hello", 0o644),
        "/usr/local/bin/tool": RecipeFile("#!/bin/sh", 0o755),
    }
    deb = "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
    assert recipe.apt.sources() == (
        f"{deb} http://mirror.example/debian trixie main non-free-firmware\n"
        f"{deb} http://mirror.example/debian trixie-updates main non-free-firmware\n"
        f"{deb} http://mirror.example/security trixie-security main non-free-firmware\n"
    )


def test_a_name_is_enough() -> None:
    recipe = parse_recipe('name = "bare"', "bare.toml")
    assert (recipe.packages, recipe.commands, recipe.files) == ((), (), {})
    assert recipe.apt == Apt()


@pytest.mark.parametrize("name", built_in())
def test_built_in_recipes_are_called_as_their_file(name: str) -> None:
    assert load_recipe(name).name == name


def test_default_is_built_in() -> None:
    assert "default" in built_in()


def test_a_recipe_from_a_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"')
    assert load_recipe(str(path)).name == "mine"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name = ", "r.toml: not TOML: "),
        ("", "r.toml: name is missing"),
        ("name = 3", "r.toml: name must be a string, not 3"),
        ('name = "Upper"', "r.toml: name has a value that cannot be used: 'Upper'"),
        ('name = "../x"', "r.toml: name has a value that cannot be used"),
        ('name = "a"\npackages = "git"', "r.toml: packages must be a list of strings"),
        ('name = "a"\npackages = ["git", 4]', "r.toml: packages[1] must be a string, not 4"),
        ('name = "a"\npackages = ["-o=x"]', "r.toml: packages[0] has a value that cannot be used"),
        ('name = "a"\npackages = ["a b"]', "r.toml: packages[0] has a value that cannot be used"),
        ('name = "a"\npackage = []', "r.toml: package is not known here; known: name, packages"),
        ('name = "a"\n[apt]\nsuit = "x"', "r.toml: apt.suit is not known here; known: suite"),
        ('name = "a"\n[apt]\nmirror = "ftp://x"', "r.toml: apt.mirror has a value"),
        ('name = "a"\napt = 1', "r.toml: apt must be a table, not 1"),
        ('name = "a"\n[files."etc/x"]\ncontent = ""', 'r.toml: files."etc/x" must be an absolute'),
        ('name = "a"\n[files."/a/../b"]\ncontent = ""', 'files."/a/../b" must be an absolute'),
        ('name = "a"\n[files."/x"]\nmode = "0644"', 'r.toml: files."/x".content is missing'),
        ('name = "a"\n[files."/x"]\ncontent = ""\nmode = "4755"', 'files."/x".mode has a value'),
    ],
)
def test_errors_name_file_and_key(text: str, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_recipe(text, "r.toml")
    assert said in str(caught.value)
    assert caught.value.exit_code is ExitCode.INVALID


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(InvalidInput, match="no recipe is called 'defualt'") as caught:
        load_recipe("defualt")
    assert "default" in (caught.value.remedy or "")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"cannot read the recipe .*gone\.toml"):
        load_recipe(str(tmp_path / "gone.toml"))


LAYERED = f"""
name = "tools"
base = "default"
[archives."/opt/tool"]
amd64 = {{ url = "https://example.org/amd64.tar.gz", sha256 = "{"a" * 64}" }}
arm64 = {{ url = "file:///arm64.tar.gz", sha256 = "{"b" * 64}" }}
"""


def test_a_recipe_with_a_base() -> None:
    recipe = parse_recipe(LAYERED, "tools.toml")
    assert recipe.base == load_recipe("default")
    assert recipe.archives == {
        "/opt/tool": {
            Architecture.AMD64: Archive("https://example.org/amd64.tar.gz", "a" * 64),
            Architecture.ARM64: Archive("file:///arm64.tar.gz", "b" * 64),
        }
    }


def test_a_base_is_found_beside_the_recipe(tmp_path: Path) -> None:
    (tmp_path / "base.toml").write_text('name = "mine"')
    (tmp_path / "tools.toml").write_text(LAYERED.replace('"default"', '"./base.toml"'))
    assert load_recipe(str(tmp_path / "tools.toml")).base == Recipe("mine")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('base = "default"', ""), "tools.toml: base is missing"),
        (('base = "default"', 'base = "nothing"'), "no recipe is called 'nothing'"),
        (("[archives.", "[other."), "tools.toml: archives is missing"),
        (("/opt/tool", "opt/tool"), r'archives."opt/tool" must be an absolute, plain path'),
        (("/opt/tool", "/opt/../tool"), "must be an absolute, plain path"),
        (("b" * 64, "B" * 64), r'archives."/opt/tool".arm64.sha256 has a value'),
        (("https://", "ftp://"), r'archives."/opt/tool".amd64.url has a value'),
        (("arm64 =", "riscv64 ="), r'archives."/opt/tool".riscv64 is not known here'),
        (("sha256 =", "md5 ="), "sha256 is missing"),
        (("name =", 'packages = ["git"]\nname ='), "tools.toml: packages is not known here"),
    ],
)
def test_what_is_wrong_with_a_recipe_that_has_a_base(change: tuple[str, str], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        parse_recipe(LAYERED.replace(*change, 1), "tools.toml")


def test_a_base_has_none_itself(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(LAYERED.replace('"default"', '"./own.toml"'))
    with pytest.raises(InvalidInput, match="base is not allowed where another recipe"):
        load_recipe(str(file))


def test_githubs_runner_is_pinned_for_both_architectures() -> None:
    recipe = load_recipe("github")
    assert recipe.base == load_recipe("default")
    assert set(recipe.archives["/opt/actions-runner"]) == set(Architecture)
