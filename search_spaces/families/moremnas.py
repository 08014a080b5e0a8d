"""MoreMNAS: the same seven cells as FALSR in a plain chain (Chu et al., arXiv 1901.01074).

The genotypes of MoreMNAS-A and -B were never published in a readable form.
"""

from typing import ClassVar

from search_spaces.choices import Choices
from search_spaces.families.falsr import CELLS, CellSpace, point
from search_spaces.published import ARTICLE, Claim, Published
from search_spaces.space import register


@register
class Moremnas(CellSpace):
    """192⁷ chains of cells, about 9.6e15 networks."""

    name: ClassVar[str] = "moremnas"
    summary: ClassVar[str] = "the cells of FALSR in a plain chain (2019)"
    smallest: ClassVar[Choices] = point("group4 f16 k1 b1\n" * CELLS)
    published: ClassVar = {
        "MoreMNAS-C": Published(
            point(
                """invert f16 k1 b2
                invert f16 k1 b2
                invert f16 k1 b2
                group2 f48 k1 b4 skip
                group2 f16 k1 b1
                invert f16 k1 b2
                invert f16 k1 b2"""
            ),
            Claim("arXiv 1901.01074, table of results", 25_000, 5_500_000_000, 37.06),
            Claim(ARTICLE, 25_000, 5_500_000_000),
        ),
        "MoreMNAS-D": Published(
            point(
                """conv f48 k1 b1 skip
                group4 f32 k1 b2 skip
                conv f48 k1 b1 skip
                group4 f48 k1 b1 skip
                invert f48 k1 b4 skip
                group4 f16 k1 b1
                invert f64 k3 b4"""
            ),
            Claim("arXiv 1901.01074, table of results", 664_000, 152_400_000_000, 37.57),
        ),
    }
