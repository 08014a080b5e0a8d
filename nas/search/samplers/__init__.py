"""Where the next candidate comes from: one file a sampler, and the screens that choose among what it draws."""

from nas.search.samplers.make import make_sampler
from nas.search.samplers.sampler import SAMPLERS, Sampler, register
from nas.search.samplers.screen import check_screens

__all__ = ["SAMPLERS", "Sampler", "check_screens", "make_sampler", "register"]
