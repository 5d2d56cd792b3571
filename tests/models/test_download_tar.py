"""Members of one archive: all in one pass, each checked, a broken pass taken up by the next source."""

import gzip
import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from hwsim.errors import DataError
from models.data import download
from models.data.download import RemoteFile, fetch

CONTENTS = {f"part{number}.bin": bytes([number]) * (70_000 + number) for number in range(4)}


def tar_gz(contents: dict[str, bytes], folder: str = "data") -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        directory = tarfile.TarInfo(folder)
        directory.type = tarfile.DIRTYPE
        archive.addfile(directory)
        for name, content in contents.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


class Sources:
    """A stand-in for the network: archives by URL, and a list of what was opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **archives: bytes) -> None:
        self.archives, self.opened = archives, list[str]()
        monkeypatch.setattr(download.urllib.request, "urlopen", self.open)

    def open(self, url: str, timeout: float) -> io.BytesIO:
        self.opened.append(url)
        return io.BytesIO(self.archives[url])


def members(*urls: str, names: tuple[str, ...] = tuple(CONTENTS)) -> tuple[RemoteFile, ...]:
    return tuple(
        RemoteFile(name, len(CONTENTS[name]), hashlib.sha256(CONTENTS[name]).hexdigest(), urls, member_of_tar=True)
        for name in names
    )


def test_all_members_come_in_one_pass(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sources, reports = Sources(monkeypatch, good=tar_gz(CONTENTS)), list[tuple[str, int, int]]()
    paths = fetch(members("good"), tmp_path / "new", lambda *report: reports.append(report))
    assert sources.opened == ["good"]
    assert [path.name for path in paths] == list(CONTENTS)
    assert {path.name: path.read_bytes() for path in (tmp_path / "new").iterdir()} == CONTENTS
    assert reports[-1] == ("part3.bin", 70_003, 70_003)


def test_the_order_in_the_archive_does_not_matter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Sources(monkeypatch, good=tar_gz(dict(reversed(CONTENTS.items()))))
    paths = fetch(members("good"), tmp_path)
    assert [path.read_bytes() for path in paths] == list(CONTENTS.values())


def test_only_what_is_missing_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Sources(monkeypatch, good=tar_gz(CONTENTS))
    first = fetch(members("good", names=("part1.bin",)), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["part1.bin"]
    written = first[0].stat().st_mtime_ns
    fetch(members("good"), tmp_path)
    assert first[0].stat().st_mtime_ns == written and len(list(tmp_path.iterdir())) == 4
    sources = Sources(monkeypatch)
    fetch(members("good"), tmp_path)
    assert sources.opened == []


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ({"part2.bin": b"\x02" * 70_001 + b"x"}, "sha256 is"),
        ({"part2.bin": b"\x02" * 100}, "sent 100 bytes; needed: 70002"),
        ({"part2.bin": b"\x02" * 70_003}, "sent more than the 70002 bytes"),
    ],
)
def test_every_member_is_checked(
    damage: dict[str, bytes], reason: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sources = Sources(monkeypatch, bad=tar_gz(CONTENTS | damage), good=tar_gz(CONTENTS))
    with pytest.raises(DataError, match=f"fetching part2.bin, part3.bin.*(\n.*)*{reason}"):
        fetch(members("bad"), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["part0.bin", "part1.bin"]
    paths = fetch(members("bad", "good"), tmp_path)
    assert [path.read_bytes() for path in paths] == list(CONTENTS.values())
    assert sources.opened == ["bad", "bad", "good"]


def test_a_missing_member_and_a_link_in_its_place_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    without = {name: content for name, content in CONTENTS.items() if name != "part0.bin"}
    Sources(monkeypatch, without=tar_gz(without))
    with pytest.raises(DataError, match="the archive holds no part0.bin"):
        fetch(members("without"), tmp_path)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        link = tarfile.TarInfo("data/part0.bin")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        archive.addfile(link)
    Sources(monkeypatch, link=packed.getvalue())
    with pytest.raises(DataError, match="the archive holds no part0.bin"):
        fetch(members("link", names=("part0.bin",)), tmp_path)


@pytest.mark.parametrize(
    "broken",
    [tar_gz(CONTENTS)[:200], b"no archive", b"", gzip.compress(b"no tar", mtime=0), tar_gz(CONTENTS)[:-60] + b"x" * 60],
    ids=["cut", "no archive", "empty", "no tar", "damaged"],
)
def test_a_broken_archive_is_passed_over(broken: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Sources(monkeypatch, broken=broken, good=tar_gz(CONTENTS))
    paths = fetch(members("broken", "good"), tmp_path)
    assert [path.read_bytes() for path in paths] == list(CONTENTS.values())


def test_a_member_cannot_leave_its_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Sources(monkeypatch, sly=tar_gz(CONTENTS, folder="../../outside"))
    paths = fetch(members("sly"), tmp_path / "in")
    assert all(path.parent == tmp_path / "in" for path in paths)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
