"""Install and uninstall: a link in FiftyOne's plugins folder, and what can stand in its way."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fiftyone_capviz.errors import InputError
from fiftyone_capviz.installation.plugin_link import (
    PLUGIN_NAME,
    link_plugin,
    plugin_folder,
    unlink_plugin,
)


def _copy_of_the_plugin(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "fiftyone.yml").write_text(f'name: "{PLUGIN_NAME}"\ntype: plugin\n')
    return folder


def test_an_editable_install_links_the_checkout(repository: Path) -> None:
    assert plugin_folder() == repository


def test_install_makes_the_plugins_folder_and_the_link(tmp_path: Path, repository: Path) -> None:
    link = link_plugin(tmp_path / "not" / "yet")

    assert link == tmp_path / "not" / "yet" / "@capviz" / "capviz"
    assert link.resolve() == repository
    assert (link / "fiftyone.yml").is_file()


def test_install_twice_is_the_same_as_once(plugins_dir: Path) -> None:
    first = link_plugin(plugins_dir)
    before = first.lstat().st_ino

    assert link_plugin(plugins_dir) == first
    assert first.lstat().st_ino == before
    assert [path.name for path in (plugins_dir / "@capviz").iterdir()] == ["capviz"]


@pytest.mark.parametrize("gone", [False, True])
def test_a_link_of_an_older_environment_is_renewed(
    plugins_dir: Path, tmp_path: Path, repository: Path, gone: bool
) -> None:
    older = _copy_of_the_plugin(tmp_path / "older")
    link = link_plugin(plugins_dir, folder=older)
    if gone:
        (older / "fiftyone.yml").unlink()
        older.rmdir()

    assert link_plugin(plugins_dir) == link
    assert link.resolve() == repository


def test_uninstall_removes_the_link_and_nothing_else(plugins_dir: Path, repository: Path) -> None:
    other = plugins_dir / "@capviz" / "other"
    link = link_plugin(plugins_dir)
    other.mkdir()

    assert unlink_plugin(plugins_dir) == link
    assert not link.is_symlink()
    assert other.is_dir()
    assert (repository / "fiftyone.yml").is_file()


def test_uninstall_leaves_no_empty_folder_behind(plugins_dir: Path) -> None:
    link_plugin(plugins_dir)
    unlink_plugin(plugins_dir)
    assert list(plugins_dir.iterdir()) == []


def test_uninstall_with_nothing_installed_says_so(tmp_path: Path) -> None:
    assert unlink_plugin(tmp_path) is None
    assert unlink_plugin(tmp_path / "missing") is None


@pytest.mark.parametrize("place", ["@capviz/capviz", "fiftyone-capviz-main"])
def test_a_downloaded_copy_is_not_hidden_by_a_link(plugins_dir: Path, place: str) -> None:
    copy = _copy_of_the_plugin(plugins_dir / place)

    for change in (link_plugin, unlink_plugin):
        with pytest.raises(InputError, match="fiftyone plugins delete @capviz/capviz") as error:
            change(plugins_dir)
        assert str(copy) in str(error.value)
    assert (copy / "fiftyone.yml").is_file()


def test_a_link_of_the_users_own_is_named_with_its_remedy(
    plugins_dir: Path, repository: Path
) -> None:
    (plugins_dir / "mine").symlink_to(repository)
    with pytest.raises(InputError, match=r"Remove it first: rm .*mine"):
        link_plugin(plugins_dir)


def test_another_plugin_of_the_folder_is_no_obstacle(plugins_dir: Path) -> None:
    other = plugins_dir / "other"
    other.mkdir()
    (other / "fiftyone.yml").write_text('name: "@someone/other"\n')
    assert link_plugin(plugins_dir).is_symlink()


def test_something_else_in_the_links_place_is_left_alone(plugins_dir: Path) -> None:
    (plugins_dir / "@capviz").mkdir()
    (plugins_dir / "@capviz" / "capviz").write_text("notes")
    with pytest.raises(InputError, match="Move it away"):
        link_plugin(plugins_dir)


def test_a_folder_that_cannot_be_written_gives_rule_and_remedy(tmp_path: Path) -> None:
    (tmp_path / "plugins").write_text("a file where the folder should be")
    with pytest.raises(InputError, match="FIFTYONE_PLUGINS_DIR"):
        link_plugin(tmp_path / "plugins")
    assert os.listdir(tmp_path) == ["plugins"]
