"""Making a set of listed images: HR images, each with its LR image if the folder holds the wanted LR images."""

import posixpath
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence, Set
from pathlib import Path, PurePosixPath

from nas.data.folder import LeftOut
from nas.data.listing import Listing, Member, Source, Wanted
from nas.data.matching import SUFFIX, match, ratio_of
from nas.data.misnamed import refuse_low_alone, refuse_two_sizes
from nas.data.roles import Label, label_words

_Groups = Sequence[tuple[Label, Sequence[Member]]]
"""LR images, grouped by the degradation and the scale that their names say."""


def pair(folder: Path, members: Sequence[Member], wanted: Wanted) -> Listing:
    """Return the HR images among `members` as a set, each with its LR image if the folder holds the `wanted` ones.

    Raises InputError for LR images without any HR image, and for one picture at two sizes as if both were HR.
    """
    high = [member for member in members if member.role.low is None]
    low = _grouped(members, high)
    if low and not high:
        refuse_low_alone(folder, [member for group in low.values() for member in group])
    refuse_two_sizes(folder, high)
    groups, left_out = _usable(low, high, wanted)
    named = _named(high)
    if not groups:
        return Listing(tuple(Source(name, member.frame) for name, member in named), left_out=left_out)
    label, group = groups[0]
    matches, lone = match([member for _, member in named], group)
    where = f"LR_{wanted.degradation}/X{wanted.scale}" if label.degradation else _folder(group)
    sources: list[Source] = []
    unpaired: list[tuple[str, str]] = []
    for name, member in named:
        if member.relative in matches:
            sources.append(Source(name, member.frame, matches[member.relative].frame))
        else:
            unpaired.append((member.relative, f"has no LR image in {where}"))
    unpaired += [(member.relative, "is an LR image without its HR image") for member in lone]
    given = Label(label.degradation, label.scale, _folder(group))
    return Listing(tuple(sources), tuple(unpaired), left_out, given)


def _grouped(members: Sequence[Member], high: Sequence[Member]) -> dict[Label, list[Member]]:
    """Return the LR images, grouped by what their names say of them."""
    stems, tails = {member.stem for member in high}, {member.role.tail for member in high}
    groups: dict[Label, list[Member]] = defaultdict(list)
    for member in members:
        if member.role.low is not None:
            groups[_label(member, member.role.low, stems, tails)].append(member)
    return groups


def _label(member: Member, of_folder: Label, stems: Set[str], tails: Set[tuple[str, ...]]) -> Label:
    """Return the degradation and scale of an LR file, from its folders and from its name.

    `stems` and `tails` are those of the HR files. They show which parts of a name say nothing of the degradation.
    """
    degradation, scale = of_folder.degradation, of_folder.scale
    suffix = SUFFIX.search(member.stem)
    if scale is None and suffix and suffix["scale"] and member.stem not in stems:
        scale = int(suffix["scale"])
    if degradation in tails:  # HR_night beside LR_night: "night" is no degradation
        degradation = ()
    return Label(degradation, scale, "")


def _usable(
    low: Mapping[Label, Sequence[Member]], high: Sequence[Member], wanted: Wanted
) -> tuple[_Groups, tuple[LeftOut, ...]]:
    """Return the groups of LR images that are wanted, the best first, and the LR images that are left out."""
    left_out: list[LeftOut] = []
    groups: list[tuple[Label, Sequence[Member]]] = []
    for label, group in low.items():
        reason = _misfit(label, group, high, wanted)
        if reason:
            left_out += [LeftOut(member.relative, reason) for member in group]
        else:
            groups.append((label, group))
    # A group whose names say what it is comes before a group that is only not contradicted.
    groups.sort(key=lambda entry: (not entry[0].degradation, entry[0].scale is None))
    for _, group in groups[1:]:
        reason = f"LR images in {_folder(groups[0][1])} are used instead"
        left_out += [LeftOut(member.relative, reason) for member in group]
    return groups, tuple(left_out)


def _misfit(label: Label, group: Sequence[Member], high: Sequence[Member], wanted: Wanted) -> str | None:
    """Return why LR images with this label aren't used; None if they are used."""
    if label.scale not in (None, wanted.scale):
        return f"LR images for x{label.scale}, and this is for {wanted}"
    if label.degradation:
        if label.degradation != label_words(wanted.degradation):
            return f"LR images made by '{' '.join(label.degradation)}', and this is for {wanted}"
    elif not wanted.is_default:
        return f"LR images whose names don't say that they are made by '{wanted.degradation}'"
    if label.degradation and label.scale:
        return None
    ratio = ratio_of(high, group, wanted.scale)
    if ratio in (None, wanted.scale):
        return None
    return f"LR images for x{ratio} by their size, and this is for {wanted}"


def _folder(group: Sequence[Member]) -> str:
    return group[0].role.low.folder if group[0].role.low else ""


def _named(members: Sequence[Member]) -> list[tuple[str, Member]]:
    """Return the images with their names, ordered by name.

    A name is the path below the folder that contains all images of the set. So it is the same from whichever folder
    above it the set is opened.
    """
    if not members:
        return []
    common = posixpath.commonpath([str(PurePosixPath(member.key).parent) for member in members]) or "."
    short = [str(PurePosixPath(member.key).relative_to(common)) for member in members]
    count = Counter(short)
    named = []
    for name, member in zip(short, members, strict=True):
        named.append((name if count[name] == 1 else member.relative, member))
    return sorted(named, key=lambda entry: entry[0])
