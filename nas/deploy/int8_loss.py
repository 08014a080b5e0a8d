"""What an int8 file costs in quality."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Int8Loss:
    """What int8 costs on the validation images of a data set."""

    images: int
    """Number of validation images."""
    float_psnr: float
    """Mean PSNR of the float32 file in dB."""
    int8_psnr: float
    float_ssim: float
    int8_ssim: float

    @property
    def psnr(self) -> float:
        """The loss of PSNR in dB; positive if int8 is worse."""
        return self.float_psnr - self.int8_psnr

    @property
    def in_words(self) -> str:
        """One sentence."""
        return (
            f"Int8 costs {self.psnr:.3f} dB on {self.images} validation images: PSNR {self.float_psnr:.2f} → "
            f"{self.int8_psnr:.2f} dB, SSIM {self.float_ssim:.4f} → {self.int8_ssim:.4f}."
        )

    def to_dict(self) -> dict[str, float]:
        """Return plain data."""
        return {**vars(self), "psnr_loss": self.psnr}
