"""The loss of structural similarity."""

from pytorch_msssim import SSIM
from pytorch_msssim import ssim as ssim_of
from torch import Tensor

from nas.errors import InputError
from nas.training.losses.loss import Batch, Setting, loss

WINDOW = 11
"""Side of the Gaussian window; its sigma is 1.5 (Wang et al. 2004, doi:10.1109/TIP.2003.819861)."""


@loss("ssim", worst=2.0)
class StructuralSimilarity:
    """1 - SSIM over the windows inside the patch, like `nas.metrics.ssim` but without rounding."""

    def __init__(self, setting: Setting) -> None:
        # Made once, because a window that is made at each step would be copied to the device at each step.
        self._window: Tensor = SSIM(data_range=1.0, channel=1, win_size=WINDOW).win.to(setting.device)

    def __call__(self, batch: Batch) -> Tensor:
        """Return the loss. Raises InputError for patches smaller than the window."""
        if min(batch.hr.shape[-2:]) < WINDOW:
            raise InputError(f"The loss 'ssim' needs HR patches of {WINDOW} pixels; enlarge the recipe's patch.")
        similarity: Tensor = ssim_of(batch.sr, batch.hr, data_range=1.0, win=self._window)
        return 1 - similarity
