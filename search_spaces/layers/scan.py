"""The selective scan of state-space networks in plain PyTorch, and the block that scans an image in four directions."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

DIRECTIONS = 4
"""Along rows, along columns, and both backwards."""

LEVELS = 6
"""How many times pairs of tokens are merged: 2**LEVELS tokens become one before the logarithmic scan."""

BUDGET, ACCELERATOR_BUDGET = 1 << 22, 1 << 25
"""Maximum number of states held at once, but at least one channel: channels are processed in groups. A CPU is fastest
when the states stay in its caches, an accelerator when few kernels are launched."""

LONGEST = 1 << 14
"""Maximum number of merged tokens that an exported network scans: a megapixel. Its number of steps is fixed."""


def selective_scan(tokens: Tensor, steps: Tensor, decay: Tensor, write: Tensor, read: Tensor) -> Tensor:
    """Run the recurrence `h = exp(steps·decay)·h + steps·write·tokens` and read each `h` by `read`, in float32.

    `tokens` and `steps` [S, L, D], `decay` [S, D, N] negative, `write` and `read` [S, L, N] → [S, L, D]. Channels are
    independent, so they are processed in groups that keep the states [S, L, D, N] small. The backward pass computes the
    states again instead of keeping them. The exponents are never positive, so nothing overflows for any input.
    """
    if tokens.is_meta:  # only shapes are needed, and the groups would take thousands of operators
        return torch.empty_like(tokens, dtype=torch.float32)
    tokens, steps, decay, write, read = (x.float() for x in (tokens, steps, decay, write, read))
    if torch.compiler.is_exporting():
        return _scan(tokens, steps, decay, write, read)
    sequences, length, width = tokens.shape
    budget = BUDGET if tokens.device.type == "cpu" else ACCELERATOR_BUDGET
    size = max(1, budget // (sequences * length * decay.shape[-1]))
    again = torch.is_grad_enabled() and any(x.requires_grad for x in (tokens, steps, decay, write, read))
    groups = [slice(start, start + size) for start in range(0, width, size)]
    inputs = [(tokens[..., g], steps[..., g], decay[:, g], write, read) for g in groups]
    return torch.cat([_scan_again_in_backward(*x) if again else _scan(*x) for x in inputs], dim=-1)


def _scan_again_in_backward(*inputs: Tensor) -> Tensor:
    # A scan draws no random numbers, so no generator's state must be kept.
    return checkpoint(_scan, *inputs, use_reentrant=False, preserve_rng_state=False)


def _scan(tokens: Tensor, steps: Tensor, decay: Tensor, write: Tensor, read: Tensor) -> Tensor:
    """Run `selective_scan` for one group of channels."""
    factor = torch.exp(steps[..., None] * decay[:, None])
    states = linear_recurrence(factor, (steps * tokens)[..., None] * write[:, :, None])
    # A product and a sum, since autocast would round a matrix product.
    return (states * read[:, :, None]).sum(dim=-1)


def linear_recurrence(factor: Tensor, term: Tensor) -> Tensor:
    """Return h with `h[:, t] = factor[:, t]·h[:, t - 1] + term[:, t]`, from h = 0, for factors in 0..1: [S, L, ...].

    Neighbours are merged pairwise as in a reduction tree: the work grows with L, the number of operators with log L.
    """
    length = term.shape[1]
    missing = -length % (1 << LEVELS)
    padding = (0, 0) * (term.dim() - 2) + (0, missing)
    return _merged(F.pad(factor, padding), F.pad(term, padding), LEVELS)[:, :length]


def _merged(factor: Tensor, term: Tensor, levels: int) -> Tensor:
    """Run `linear_recurrence` for a length that is a multiple of 2**levels."""
    if levels == 0:
        return _doubled(factor, term)
    first_factor, second_factor = torch.unflatten(factor, 1, (-1, 2)).unbind(2)
    first, second = torch.unflatten(term, 1, (-1, 2)).unbind(2)
    seconds = _merged(first_factor * second_factor, second_factor * first + second, levels - 1)
    firsts = first_factor * _shifted(seconds, 1) + first
    return torch.stack((firsts, seconds), dim=2).flatten(1, 2)


def _doubled(factor: Tensor, term: Tensor) -> Tensor:
    """Run `linear_recurrence` in log2(L) steps; each step doubles the tokens that a result covers."""
    shift = 1
    longest = LONGEST if torch.compiler.is_exporting() else term.shape[1]
    while shift < longest:
        term = term + factor * _shifted(term, shift)
        factor = factor * _shifted(factor, shift)
        shift *= 2
    return term


def _shifted(values: Tensor, by: int) -> Tensor:
    """Move [S, L, ...] `by` tokens later, and fill with zeros."""
    return F.pad(values, (0, 0) * (values.dim() - 2) + (by, 0))[:, : values.shape[1]]


class SelectiveScan2d(nn.Module):
    """Scans an image along rows, along columns and both backwards, and adds the outputs of the four scans.

    The SS2D of VMamba (arXiv 2401.10166) as MambaIR (arXiv 2402.15648) uses it: a linear map to twice `inner` channels.
    Half of the channels gate; the other half pass a depthwise 3x3 convolution and the scans, whose steps, writes and
    reads are linear in the token. Then layer normalisation, gate, and a linear map back. [N, width, H, W] → the same
    shape.
    """

    def __init__(self, width: int, inner: int, state: int) -> None:
        super().__init__()
        self.inner, self.state, self.rank = inner, state, math.ceil(width / 16)
        self.enter = nn.Linear(width, 2 * inner, bias=False)
        self.depthwise = nn.Conv2d(inner, inner, 3, padding=1, groups=inner)
        self.project = nn.Parameter(torch.empty(DIRECTIONS, self.rank + 2 * state, inner))
        self.step_weight = nn.Parameter(torch.empty(DIRECTIONS, inner, self.rank))
        self.step_bias = nn.Parameter(torch.empty(DIRECTIONS, inner))
        self.log_decay = nn.Parameter(torch.arange(1.0, state + 1).log().repeat(DIRECTIONS * inner, 1))
        self.direct = nn.Parameter(torch.ones(DIRECTIONS * inner))
        self.norm = nn.LayerNorm(inner)
        self.leave = nn.Linear(inner, width, bias=False)
        self._initialise()

    def _initialise(self) -> None:
        """Start with steps between 0.001 and 0.1, logarithmically uniform, as Mamba does."""
        for linear in (self.enter, self.leave):
            nn.init.trunc_normal_(linear.weight, std=0.02)
        nn.init.uniform_(self.project, -(self.inner**-0.5), self.inner**-0.5)
        nn.init.uniform_(self.step_weight, -(self.rank**-0.5), self.rank**-0.5)
        low, high = math.log(0.001), math.log(0.1)
        steps = torch.exp(torch.rand_like(self.step_bias) * (high - low) + low)
        with torch.no_grad():
            self.step_bias.copy_(steps + torch.log(-torch.expm1(-steps)))  # softplus maps it to `steps`

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        entered, gate = self.enter(features.permute(0, 2, 3, 1)).chunk(2, dim=-1)
        image = F.silu(self.depthwise(entered.permute(0, 3, 1, 2)))
        scanned = self.norm(self.scanned(image))
        return self.leave(scanned * F.silu(gate)).permute(0, 3, 1, 2)

    def scanned(self, image: Tensor) -> Tensor:
        """[N, inner, H, W] → [N, H, W, inner]: the sum of the four scans."""
        height, width = image.shape[-2:]
        rows = image.permute(0, 2, 3, 1)
        forward = torch.stack((rows.flatten(1, 2), rows.transpose(1, 2).flatten(1, 2)), dim=1)
        tokens = torch.cat((forward, forward.flip(2)), dim=1)
        outputs = self._scan(tokens)
        along_rows, along_columns = (outputs[:, :2] + outputs[:, 2:].flip(2)).unbind(1)
        shape = (len(image), width, height, self.inner)
        return along_rows.view_as(rows) + along_columns.view(shape).transpose(1, 2)

    def _scan(self, tokens: Tensor) -> Tensor:
        """[N, 4, L, inner] → the same shape in float32."""
        steps, write, read = (tokens @ self.project.mT).split_with_sizes([self.rank, self.state, self.state], dim=-1)
        steps = F.softplus((steps @ self.step_weight.mT).float() + self.step_bias[:, None])
        decay = -torch.exp(self.log_decay.float()).view(DIRECTIONS, self.inner, self.state)
        inputs = (tokens, steps, decay.expand(len(tokens), -1, -1, -1), write, read)
        outputs = selective_scan(*(x.flatten(0, 1) for x in inputs)).view_as(tokens)
        return outputs + self.direct.view(DIRECTIONS, 1, -1) * tokens.float()

    def unseen_macs(self, features: Tensor) -> int:
        """Return the multiply-adds of the scans for [N, width, H, W]: one to update each state, one to read it."""
        images, _, height, width = features.shape
        return 2 * DIRECTIONS * images * height * width * self.inner * self.state
