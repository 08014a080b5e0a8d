import pytest

from nas.errors import InputError
from nas.image_size import check_size, hr_size, parse_size, show_size


@pytest.mark.parametrize("text", ["640x512", " 640 X 512 ", "640×512"])
def test_a_size_is_read_as_width_and_height(text: str) -> None:
    assert parse_size(text) == (640, 512)
    assert show_size(parse_size(text)) == "640x512"


@pytest.mark.parametrize("text", ["640", "640x", "x512", "0x512", "640x-2", "6.4x5", "640x512x1", "", "wide"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=rf"'{text}' is not an image size; write width and height in pixels"):
        parse_size(text)


def test_the_hr_size_follows_from_the_lr_size_and_the_scale() -> None:
    assert hr_size(None, "640x512", 2) == (1280, 1024)
    assert hr_size(None, "640x512", 3) == (1920, 1536)
    assert hr_size("640x512", None, 3) == (640, 512)
    assert hr_size(None, None, 2) is None


def test_both_sizes_at_once_are_refused() -> None:
    with pytest.raises(InputError, match="Give the HR size or the LR size, not both"):
        hr_size("1280x1024", "640x512", 2)


def test_an_image_that_a_network_can_not_take_is_refused() -> None:
    check_size((32, 34), 4, 8)
    with pytest.raises(InputError, match="An HR image of 31x34 is too small: its LR image at x4 has 7x8 pixels"):
        check_size((31, 34), 4, 8)
