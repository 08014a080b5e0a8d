"""The inference form of a network: what only training needs is merged away."""

import copy

from torch import nn


def fused(network: nn.Module) -> nn.Module:
    """Return the inference form of a network: the result of `fuse()` replaces each module that has this method.

    The given network is not changed: `fuse()` is called on modules of a copy, which it may reuse. The network itself is
    returned if it has nothing to fuse.
    """
    if not any(_fusible(module) for module in network.modules()):
        return network
    return _inference_form(copy.deepcopy(network), {})


def _inference_form(module: nn.Module, known: dict[int, nn.Module]) -> nn.Module:
    """Fuse a module or its parts. `known` holds what became of modules: one that is used twice stays one."""
    if id(module) not in known:
        known[id(module)] = module
        if _fusible(module):
            known[id(module)] = module.fuse()  # type: ignore[operator]
        else:
            for name, child in list(module._modules.items()):
                if child is not None:
                    setattr(module, name, _inference_form(child, known))
    return known[id(module)]


def _fusible(module: nn.Module) -> bool:
    return callable(getattr(type(module), "fuse", None))
