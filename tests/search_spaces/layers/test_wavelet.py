import torch
from torch.nn import functional as F

from search_spaces.layers.wavelet import WaveletFrontEnd, haar


def test_the_wavelet_keeps_the_energy_and_its_first_band_is_twice_the_mean() -> None:
    image = torch.rand(2, 3, 8, 10)
    bands = haar(image)
    assert torch.allclose(bands.square().sum(), image.square().sum())
    assert torch.allclose(bands[:, :3], 2 * F.avg_pool2d(image, 2), atol=1e-6)
    assert haar(torch.full((1, 1, 4, 4), 0.3))[:, 1:].abs().max() == 0


def test_the_bands_after_the_first_answer_to_edges() -> None:
    across, down = torch.tensor([0.0, 1.0]).repeat(1, 1, 4, 2), torch.tensor([[0.0], [1.0]]).repeat(1, 1, 2, 4)
    assert [haar(across)[0, k].abs().max().item() for k in range(4)] == [1, 1, 0, 0]
    assert [haar(down)[0, k].abs().max().item() for k in range(4)] == [1, 0, 1, 0]


def test_the_front_end_modulates_the_wide_view() -> None:
    front = WaveletFrontEnd(1)
    image = torch.rand(1, 1, 9, 12)
    with torch.no_grad():
        small, large = front.small(image), front.large(image)
        bands = F.interpolate(haar(small), size=(8, 12), mode="bicubic", align_corners=False)
        factor = F.interpolate(front.modulation(bands), size=(9, 12), mode="bilinear", align_corners=False)
        assert torch.allclose(front(image), front.merge(torch.cat((large * factor, small), 1)), atol=1e-6)
