"""The same image under several names."""

from __future__ import annotations

from pathlib import Path

from fiftyone_capviz.curation.steering.duplicates import content_keys


def test_files_of_the_same_content_are_one_image(tmp_path: Path) -> None:
    contents = {"a.jpg": b"one", "copy.png": b"one", "b.jpg": b"two", "long.jpg": b"three"}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "link.jpg").symlink_to(tmp_path / "b.jpg")
    names = [*contents, "link.jpg", "missing.jpg", "gone.jpg"]
    keys = content_keys([str(tmp_path / name) for name in names])
    assert keys[0] == keys[1]
    assert keys[2] == keys[4]
    assert len(set(keys)) == 5


def test_the_same_path_twice_is_one_image() -> None:
    assert len(set(content_keys(["/no/such.jpg", "/no/such.jpg"]))) == 1
