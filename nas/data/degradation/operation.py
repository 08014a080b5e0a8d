"""The base class of operations of degradations, and how operations are written in YAML."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError
from torch import Tensor

from nas.data.degradation.amounts import Range
from nas.data.degradation.draws import Draws
from nas.errors import InputError
from nas.fields import Real
from search_spaces.documents import shortened, shown
from search_spaces.registry import Registry, UnknownNameError, unknown_name


class Operation(BaseModel, ABC):
    """A step of a degradation, as data. Its fields are the fields in YAML.

    It maps [N, 1, H, W] to [N, 1, H', W'] on the same device. Values are in 0..1 and may overshoot. The result for an
    image doesn't depend on the other images of the batch. Parameters are drawn for each image, sizes for the whole
    batch.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]
    """The name in YAML."""
    draws_fields: ClassVar[bool] = False
    """Whether it is random even if all its ranges have a single value."""

    probability: Real = Field(1.0, gt=0, le=1, description="share of the images that it is applied to")

    @property
    def resizes(self) -> bool:
        """Whether it may change the size of images. Then it is applied to all images of a batch or to none."""
        return False

    @property
    def is_random(self) -> bool:
        """Whether applying it twice to the same image may give different results."""
        values = [getattr(self, field) for field in type(self).model_fields]
        ranges = any(isinstance(value, Range) and not value.is_fixed for value in values)
        return self.draws_fields or self.probability < 1 or ranges

    def __call__(self, images: Tensor, draws: Draws) -> Tensor:
        """Return the images [N, 1, H, W] after the operation, which is applied with its `probability`."""
        if self.probability == 1:
            return self.apply(images, draws)
        happens = draws.uniform(1 if self.resizes else len(images)) < self.probability
        return apply_to(images, happens.expand(len(images)), lambda some: self.apply(some, draws))

    @abstractmethod
    def apply(self, images: Tensor, draws: Draws) -> Tensor:
        """Return the images [N, 1, H, W] after the operation."""

    def plain(self) -> dict[str, Any]:
        """Return plain data that `parse_operation` reads."""
        return {self.name: self.model_dump(mode="json")}


OPERATIONS: Registry[type[Operation]] = Registry("operation", "nas.data.degradation", "nas.operations")
"""Name → operation, for all operations of this package, of entry points and of plugins."""

Kind = TypeVar("Kind", bound=type[Operation])


def operation(name: str) -> Callable[[Kind], Kind]:
    """Decorator that registers a class of operations. Raises ValueError if the name is taken."""

    def register(kind: Kind) -> Kind:
        OPERATIONS.add(name, kind)
        kind.name = name
        return kind

    return register


def parse_operation(data: object) -> Operation:
    """Read `{name: {field: value, …}}`. Raises InputError that names what is unknown or wrong.

    `{name: null}` and the bare name stand for no fields. `{name: […]}` stands for the field `operations`.
    """
    if isinstance(data, Operation):
        return data
    if isinstance(data, str):
        data = {data: None}
    if not isinstance(data, Mapping) or len(data) != 1:
        raise InputError(f"an operation is written as its name with its fields, but got {shown(data)}.")
    name, fields = next(iter(data.items()))
    try:
        kind = OPERATIONS.get(str(name))
    except UnknownNameError as error:
        raise InputError(str(error)) from None
    if fields is None or isinstance(fields, list):
        fields = {} if fields is None else {"operations": fields}
    if not isinstance(fields, Mapping):
        raise InputError(f"the fields of '{shortened(str(name))}' must be a mapping, but got {shown(fields)}.")
    try:
        return kind.model_validate(dict(fields))
    except ValidationError as error:
        raise InputError(_in_words(error, kind)) from None


def _in_words(error: ValidationError, kind: type[Operation]) -> str:
    errors = error.errors()
    first = next((each for each in errors if each["type"] == "extra_forbidden"), errors[0])
    inner = first.get("ctx", {}).get("error")
    if isinstance(inner, InputError):  # the error of an operation inside this operation
        return str(inner)
    field = str(first["loc"][0]) if first["loc"] else ""
    if first["type"] == "extra_forbidden":
        return str(unknown_name(f"field of '{kind.name}'", field, dict(kind.model_fields)))
    message = shortened(first["msg"].removeprefix("Value error, "), 200)
    return f"'{field}' of '{kind.name}' is wrong: {message}." if field else f"'{kind.name}' is wrong: {message}."


def parse_operations(data: object) -> tuple[Operation, ...]:
    """Read a list of operations. Raises InputError that names what is unknown or wrong."""
    if not isinstance(data, Sequence) or isinstance(data, str) or not data:
        raise InputError(f"'operations' must be a list of operations, but got {shown(data)}.")
    return tuple(parse_operation(item) for item in data)


Operations = Annotated[
    tuple[Operation, ...],
    BeforeValidator(parse_operations),
    PlainSerializer(lambda operations: [operation.plain() for operation in operations]),
]
"""A field that holds operations."""


def apply_to(images: Tensor, chosen: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
    """Apply `function` to the images [N, …] that are `chosen` (bool [N] on the CPU), and return all images.

    If only some images are chosen, the function must keep the size.
    """
    if bool(chosen.all()):
        return function(images)
    if not bool(chosen.any()):
        return images
    index = chosen.nonzero()[:, 0].to(images.device, non_blocking=True)
    return images.index_copy(0, index, function(images[index]).to(images.dtype))
