"""Files are synced while they are written, so that no sync has much to do."""

from __future__ import annotations

from rarefy.index.storage import files
from rarefy.index.storage.files import Files


class Counting(Files):
    """Notes how many bytes were written at each sync."""

    def __init__(self):
        self.written, self.syncs = 0, []

    def write(self, file, data):
        super().write(file, data)
        self.written += len(data)

    def sync(self, file):
        super().sync(file)
        self.syncs.append(self.written)


def test_long_files_are_synced_piece_by_piece(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "SYNCED", 2 * files.GATHERED)
    counting, piece = Counting(), bytes(files.GATHERED)
    with counting.writing(tmp_path / "file") as write:
        for _ in range(5):
            write(piece)
    assert counting.syncs == [2 * len(piece), 4 * len(piece), 5 * len(piece)]
    assert (tmp_path / "file").stat().st_size == 5 * len(piece)


def test_short_files_are_synced_once(tmp_path):
    counting = Counting()
    with counting.writing(tmp_path / "file") as write:
        write(b"a")
        write(b"b")
    assert counting.syncs == [2]
