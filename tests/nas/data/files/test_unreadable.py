"""The error of an unreadable file names the file, and passes from process to process."""

import pickle
from pathlib import Path

from nas.data.files.unreadable import DAMAGED, UnreadableImageError
from nas.errors import InputError


def test_the_message_is_one_sentence_with_the_path() -> None:
    error = UnreadableImageError(Path("night/a.png"), DAMAGED)
    assert isinstance(error, InputError)
    assert str(error) == f"night/a.png {DAMAGED}."


def test_the_error_survives_pickling() -> None:
    error = UnreadableImageError(Path("night/a.png"), "is empty")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is UnreadableImageError
    assert (again.path, again.reason, str(again)) == (error.path, error.reason, str(error))
