"""How differently an untrained network responds to different patches, by the signs before its activations."""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from proxies.proxy import Score, Task, register
from proxies.untrained import untrained

PATCHES = 32

_aten = torch.ops.aten
_ACTIVATIONS = {
    overload.default
    for overload in (
        _aten.relu, _aten.relu_, _aten.leaky_relu, _aten.leaky_relu_, _aten._prelu_kernel, _aten.hardtanh,
        _aten.hardtanh_, _aten.elu, _aten.elu_, _aten.gelu, _aten.gelu_, _aten.silu, _aten.silu_, _aten.mish,
        _aten.mish_, _aten.hardswish, _aten.hardswish_, _aten.softplus, _aten.sigmoid, _aten.sigmoid_,
        _aten.hardsigmoid, _aten.hardsigmoid_, _aten.tanh, _aten.tanh_,
    )
}  # fmt: skip


@register
class Naswot:
    """Scores by the logarithm of the determinant of the kernel of binary codes (Mellor et al. 2006.04647).

    The code of a patch is the sign of each value that enters an activation. For a ReLU the sign says whether the value
    passes, as in the paper. Other activations (leaky and parametric ReLU, GELU, SiLU, sigmoid, tanh and similar) bend
    at zero, too, or cross one half there, so their inputs are read in the same way. A softmax has no such point and is
    left out.
    """

    name: ClassVar[str] = "naswot"
    trains: ClassVar[bool] = False

    def score(self, network: nn.Module, task: Task) -> Score:
        """Return ln det(K + 1), where K[i, j] is the number of equal signs in the codes of patches i and j.

        The unit matrix is negligible compared with the counts, and gives 0 for a network without activations.
        """
        lr, _ = task.batch(PATCHES)
        codes = _Codes(lr)
        with torch.no_grad(), codes:
            untrained(network, lr.device)(lr)
        unit = torch.eye(len(lr), dtype=torch.float64, device=lr.device)
        return Score(float(torch.linalg.slogdet(codes.agreement + unit).logabsdet), "ln of the determinant", {})


class _Codes(TorchDispatchMode):
    """Counts the equal signs before activations of each pair of patches in the batch while a network runs."""

    def __init__(self, batch: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.agreement = torch.zeros(len(batch), len(batch), dtype=torch.float64, device=batch.device)

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function in _ACTIVATIONS:
            self._read(args[0])
        return function(*args, **(kwargs or {}))

    def _read(self, features: Tensor) -> None:
        patches = len(self.agreement)
        if features.numel() % patches:  # a gate on parameters, which does not depend on patches
            return
        signs = torch.where(features > 0, 1.0, -1.0).reshape(patches, -1)
        self.agreement += (signs.shape[1] + (signs @ signs.T).double()) / 2
