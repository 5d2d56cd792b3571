"""Downloads against a local server: second source, wrong bytes, half a file, an unwritable folder."""

import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hwsim.errors import DataError
from models.data.download import RemoteFile, copy_from, fetch

GOOD = bytes(range(256)) * 700
ANSWERS = {"/good/f": GOOD, "/bad/f": GOOD[:-1] + b"x", "/short/f": GOOD[:1000], "/long/f": GOOD + b"more"}


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.seen.append(self.path)  # type: ignore[attr-defined]
        if self.path == "/cut/f":
            self.send_response(200)
            self.send_header("Content-Length", str(len(GOOD)))
            self.end_headers()
            self.wfile.write(GOOD[:5000])
        elif self.path in ANSWERS:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(ANSWERS[self.path])
        else:
            self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[http.server.ThreadingHTTPServer]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as running:
        running.seen = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def remote(server: http.server.ThreadingHTTPServer, *folders: str) -> RemoteFile:
    base = f"http://127.0.0.1:{server.server_port}"
    return RemoteFile("f", len(GOOD), hashlib.sha256(GOOD).hexdigest(), tuple(f"{base}/{name}/f" for name in folders))


def test_fetch_writes_the_file_and_reports_progress(server: http.server.ThreadingHTTPServer, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    (path,) = fetch((remote(server, "good"),), tmp_path / "new" / "folder", lambda *report: seen.append(report))
    assert path.read_bytes() == GOOD
    assert seen[-1] == ("f", len(GOOD), len(GOOD)) and len(seen) > 1
    assert [p.name for p in path.parent.iterdir()] == ["f"]


@pytest.mark.parametrize("first", ["missing", "bad", "short", "long", "cut"])
def test_the_second_source_is_used(server: http.server.ThreadingHTTPServer, tmp_path: Path, first: str) -> None:
    assert fetch((remote(server, first, "good"),), tmp_path)[0].read_bytes() == GOOD
    assert server.seen == [f"/{first}/f", "/good/f"]  # type: ignore[attr-defined]
    assert len(list(tmp_path.iterdir())) == 1


def test_no_good_source_lists_every_reason_and_leaves_nothing(
    server: http.server.ThreadingHTTPServer, tmp_path: Path
) -> None:
    with pytest.raises(DataError) as caught:
        fetch((remote(server, "missing", "bad", "short", "long", "cut"),), tmp_path)
    message = str(caught.value)
    assert "5 faults" in message and "404" in message and "--from DIR" in message
    assert "sent 1000 bytes; needed: 179200" in message and "sent more than the 179200 bytes" in message
    assert "sha256 is" in message
    assert list(tmp_path.iterdir()) == []


def test_a_dead_server_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="fetching f"):
        fetch((RemoteFile("f", 1, "0", ("http://127.0.0.1:9/f", "nonsense://x/f", "not a url")),), tmp_path)


def test_a_good_file_is_not_fetched_again(server: http.server.ThreadingHTTPServer, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(GOOD)
    fetch((remote(server, "good"),), tmp_path)
    assert server.seen == []  # type: ignore[attr-defined]


@pytest.mark.parametrize("stale", [GOOD[:-1] + b"x", b"short"])
def test_a_damaged_file_is_replaced(server: http.server.ThreadingHTTPServer, tmp_path: Path, stale: bytes) -> None:
    (tmp_path / "f").write_bytes(stale)
    assert fetch((remote(server, "good"),), tmp_path)[0].read_bytes() == GOOD


def test_a_damaged_file_survives_a_failed_fetch(server: http.server.ThreadingHTTPServer, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"old")
    with pytest.raises(DataError):
        fetch((remote(server, "bad"),), tmp_path)
    assert (tmp_path / "f").read_bytes() == b"old"


def test_a_folder_that_cannot_be_made_is_named_and_ends_it(
    server: http.server.ThreadingHTTPServer, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match="cannot be written.*HWSIM_DATA"):
        fetch((remote(server, "good", "good"),), tmp_path / "file")
    assert len(server.seen) == 1  # type: ignore[attr-defined]


def test_an_interrupt_leaves_no_part(server: http.server.ThreadingHTTPServer, tmp_path: Path) -> None:
    def interrupt(name: str, received: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch((remote(server, "good"),), tmp_path, interrupt)
    assert list(tmp_path.iterdir()) == []


def test_copy_from_checks_like_a_download(server: http.server.ThreadingHTTPServer, tmp_path: Path) -> None:
    file, source, target = remote(server), tmp_path / "source", tmp_path / "target"
    source.mkdir()
    with pytest.raises(DataError, match="cannot be read"):
        copy_from(file, source, target)
    (source / "f").write_bytes(ANSWERS["/bad/f"])
    with pytest.raises(DataError, match="sha256 is"):
        copy_from(file, source, target)
    (source / "f").write_bytes(GOOD)
    assert copy_from(file, source, target).read_bytes() == GOOD
    assert server.seen == []  # type: ignore[attr-defined]
