"""Synthetic thermal scenes (streets, houses, wires, people), to try everything without images.

A scene is drawn at twice its resolution in arbitrary temperature units (0 is a cold sky, 1 a hot engine), averaged
down, blurred by the optics, and given the noise and the column pattern of an uncooled camera.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import cv2
import numpy as np

from nas.data.images import Pixels

_SUPERSAMPLING = 2
_Canvas = np.ndarray[Any, np.dtype[np.float32]]
_Points = Sequence[tuple[float, float]]


def scene(index: int, height: int = 256, width: int = 320, seed: int = 0) -> Pixels:
    """Return scene number `index`, uint8 [height, width]: the same for the same arguments.

    Raises ValueError for less than 32 x 32 pixels.
    """
    if min(height, width) < 32:
        raise ValueError(f"A scene needs at least 32 x 32 pixels, but got {height} x {width}.")
    random = np.random.default_rng((seed, index))
    canvas, horizon = _landscape(random, height * _SUPERSAMPLING, width * _SUPERSAMPLING)
    _add_trees(random, canvas, horizon)
    for _ in range(random.integers(1, 4)):
        _add_building(random, canvas, horizon)
    _add_road(random, canvas, horizon)
    _add_wires(random, canvas, horizon)
    # From far to near, so that near things hide far things.
    for near in np.sort(random.uniform(0.1, 1, random.integers(4, 12))):
        add = _add_vehicle if random.uniform() < 0.35 else _add_person
        add(random, canvas, *_place(random, canvas, horizon, near))
    return _camera(random, cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA))


def _texture(random: np.random.Generator, height: int, width: int, finest: float, roughness: float) -> _Canvas:
    """Return cloud-like variation [height, width], about -1..1, of octaves from the whole image to `finest` pixels."""
    total = np.zeros((height, width), np.float32)
    cell, weight = max(height, width) / 2, 1.0
    while cell >= finest:
        grid = random.standard_normal((max(2, round(height / cell)), max(2, round(width / cell)))).astype(np.float32)
        total += weight * cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
        cell, weight = cell / 2, weight * roughness
    return total / max(float(np.abs(total).max()), 1e-6)


def _landscape(random: np.random.Generator, height: int, width: int) -> tuple[_Canvas, int]:
    """Return a canvas with sky above and warmer, textured ground below, and the row of the horizon."""
    horizon = int(height * random.uniform(0.25, 0.5))
    rows = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    sky = 0.05 + 0.15 * rows + 0.04 * _texture(random, height, width, 40, 0.5)
    ground = random.uniform(0.3, 0.45) + 0.12 * (rows - 0.5) + 0.14 * _texture(random, height, width, 3, 0.8)
    skyline = horizon + 0.03 * height * _texture(random, 1, width, 6, 0.6)
    canvas: _Canvas = np.where(np.arange(height)[:, None] < skyline, sky, ground).astype(np.float32)
    return canvas, horizon


def _polygon(canvas: _Canvas, points: _Points, value: float) -> None:
    """Fill a polygon of (x, y) points, which are rounded to a sixteenth of a pixel."""
    cv2.fillPoly(canvas, [np.round(np.array(points) * 16).astype(np.int32)], value, cv2.LINE_8, 4)


def _ellipse(
    canvas: _Canvas, centre: tuple[float, float], axes: tuple[float, float], angle: float, value: float
) -> None:
    scaled = [tuple(max(round(number * 16), 1) for number in pair) for pair in (centre, axes)]
    cv2.ellipse(canvas, scaled[0], scaled[1], angle, 0, 360, value, -1, cv2.LINE_8, 4)


def _add_trees(random: np.random.Generator, canvas: _Canvas, horizon: int) -> None:
    height, width = canvas.shape
    mask = np.zeros_like(canvas)
    for _ in range(random.integers(3, 14)):
        x, size = random.uniform(0, width), random.uniform(0.04, 0.16) * height
        for _ in range(60):
            dx, dy = random.normal(0, size / 2, 2)
            leaf = random.uniform(0.05, 0.2) * size
            _ellipse(mask, (x + dx, horizon - 0.3 * size + dy), (leaf, 0.7 * leaf), random.uniform(0, 180), 1.0)
    foliage = random.uniform(0.28, 0.4) + 0.14 * _texture(random, height, width, 2, 0.85)
    canvas[mask > 0] = foliage[mask > 0]


def _add_building(random: np.random.Generator, canvas: _Canvas, horizon: int) -> None:
    """Add a façade with a grid of windows, which is drawn flat and then put into perspective."""
    height, width = canvas.shape
    tall, wide = int(height * random.uniform(0.25, 0.6)), int(width * random.uniform(0.2, 0.5))
    wall = random.uniform(0.35, 0.6)
    facade = (wall + 0.03 * _texture(random, tall, wide, 3, 0.7)).astype(np.float32)
    rows, columns = random.integers(2, 7), random.integers(3, 9)
    pitch_y, pitch_x = tall / rows, wide / columns
    open_y, open_x = random.uniform(0.35, 0.65, 2)
    pane, frame = wall + random.uniform(-0.25, 0.3), wall + random.uniform(-0.1, 0.15)
    for row in range(rows):
        cv2.line(facade, (0, int(row * pitch_y)), (wide, int(row * pitch_y)), frame, 1 + tall // 150)
        for column in range(columns):
            top, left = int((row + 0.5 - open_y / 2) * pitch_y), int((column + 0.5 - open_x / 2) * pitch_x)
            bottom, right = int(top + open_y * pitch_y), int(left + open_x * pitch_x)
            cv2.rectangle(facade, (left, top), (right, bottom), pane + random.normal(0, 0.05), -1)
            cv2.rectangle(facade, (left, top), (right, bottom), frame, 1 + tall // 200)
            cv2.line(facade, ((left + right) // 2, top), ((left + right) // 2, bottom), frame, 1)
    left, foot = random.uniform(-0.1, 0.8) * width, horizon + random.uniform(0.02, 0.12) * height
    lean = random.uniform(-0.2, 0.2, 2) * tall
    corners = [
        (left, foot - tall),
        (left + wide, foot - tall - lean[0]),
        (left + wide, foot + lean[1] / 4),
        (left, foot),
    ]
    flat = np.array([(0, 0), (wide, 0), (wide, tall), (0, tall)], np.float32)
    warp = cv2.getPerspectiveTransform(flat, np.array(corners, np.float32))
    canvas[:] = cv2.warpPerspective(facade, warp, (width, height), canvas, cv2.INTER_AREA, cv2.BORDER_TRANSPARENT)


def _add_road(random: np.random.Generator, canvas: _Canvas, horizon: int) -> None:
    height, width = canvas.shape
    vanishing, centre = random.uniform(0.2, 0.8) * width, random.uniform(0.2, 0.8) * width
    half, start = random.uniform(0.25, 0.5) * width, horizon + 0.1 * height
    mask = np.zeros_like(canvas)
    far = 0.08 * half
    _polygon(
        mask,
        [(vanishing - far, start), (vanishing + far, start), (centre + half, height), (centre - half, height)],
        1.0,
    )
    asphalt = random.uniform(0.42, 0.58) + 0.04 * _texture(random, height, width, 2, 0.8)
    canvas[mask > 0] = asphalt[mask > 0]
    for near in np.arange(0.05, 1, 0.18):
        ends = [
            (t, vanishing + t * (centre - vanishing), start + t * (height - start))
            for t in (near**2, (near + 0.08) ** 2)
        ]
        stripe = [(x - 0.015 * half * (t + 0.1), y) for t, x, y in ends]
        stripe += [(x + 0.015 * half * (t + 0.1), y) for t, x, y in reversed(ends)]
        _polygon(canvas, stripe, 0.36)


def _add_wires(random: np.random.Generator, canvas: _Canvas, horizon: int) -> None:
    height, width = canvas.shape
    poles = np.sort(random.uniform(-0.2, 1.2, random.integers(2, 5))) * width
    top = random.uniform(0.05, 0.25) * height
    for x in poles:
        thick = random.uniform(1.5, 4)
        _polygon(
            canvas, [(x - thick, top), (x + thick, top), (x + thick, horizon * 1.2), (x - thick, horizon * 1.2)], 0.42
        )
    along = np.linspace(0, 1, 60)
    for first, second in pairwise(poles):
        for level in range(random.integers(1, 4)):
            sag = random.uniform(0.02, 0.1) * height
            y = top + 0.03 * height * level + 4 * sag * along * (1 - along)
            points = np.stack([first + (second - first) * along, y], 1)
            cv2.polylines(canvas, [np.round(points * 16).astype(np.int32)], False, 0.3, 1, cv2.LINE_8, 4)


def _place(random: np.random.Generator, canvas: _Canvas, horizon: int, near: float) -> tuple[float, float, float]:
    """Return a place on the ground, `near` 0 (horizon) to 1: x and y of the foot, and a person's height in pixels."""
    height, width = canvas.shape
    return random.uniform(0.02, 0.98) * width, horizon + near * 0.9 * (height - horizon), (0.08 + 0.3 * near) * height


def _add_person(random: np.random.Generator, canvas: _Canvas, x: float, foot: float, tall: float) -> None:
    skin, clothes = random.uniform(0.8, 0.98), random.uniform(0.58, 0.75)
    stride = random.uniform(-0.12, 0.12) * tall
    hip, shoulder = foot - 0.48 * tall, foot - 0.8 * tall
    limb = 0.045 * tall
    for direction in (-1, 1):
        end, sole = x + direction * stride, 0.6 * limb
        leg = [(x - limb, hip), (x + limb, hip), (end + sole, foot), (end - sole, foot)]
        _polygon(canvas, leg, clothes - 0.06)
        hand = (x + direction * (0.13 * tall + abs(stride) / 3), hip)
        _polygon(canvas, [(x, shoulder), (x + direction * 2.2 * limb, shoulder), hand, (hand[0] - limb, hip)], clothes)
        _ellipse(canvas, hand, (0.6 * limb, 0.6 * limb), 0, skin)
    _ellipse(canvas, (x, (hip + shoulder) / 2), (0.1 * tall, 0.2 * tall), 0, clothes + 0.04)
    _ellipse(canvas, (x, foot - 0.9 * tall), (0.055 * tall, 0.08 * tall), 0, skin)
    _ellipse(canvas, (x, foot - 0.94 * tall), (0.056 * tall, 0.045 * tall), 0, clothes)


def _add_vehicle(random: np.random.Generator, canvas: _Canvas, x: float, foot: float, tall: float) -> None:
    long, body = 2.4 * tall * random.choice([-1, 1]), random.uniform(0.35, 0.55)
    shape = np.array(
        [(-0.5, 0.15), (-0.5, 0.5), (-0.3, 0.55), (-0.15, 0.85), (0.25, 0.85), (0.42, 0.5), (0.5, 0.45), (0.5, 0.15)]
    )
    outline = [(x + long * u, foot - tall * v) for u, v in shape]
    _polygon(canvas, outline, body)
    _polygon(
        canvas,
        [(x + long * u, foot - tall * v) for u, v in ((-0.25, 0.55), (-0.12, 0.8), (0.04, 0.8), (0.04, 0.55))],
        0.25,
    )
    _polygon(
        canvas,
        [(x + long * u, foot - tall * v) for u, v in ((0.08, 0.55), (0.08, 0.8), (0.22, 0.8), (0.35, 0.55))],
        0.27,
    )
    glow = np.zeros_like(canvas)
    _ellipse(glow, (x + 0.36 * long, foot - 0.33 * tall), (abs(long) / 11, 0.1 * tall), 0, random.uniform(0.1, 0.4))
    canvas += cv2.GaussianBlur(glow, (0, 0), 0.04 * tall + 0.5)
    for wheel in (-0.32, 0.3):
        centre = (x + wheel * long, foot - 0.13 * tall)
        _ellipse(canvas, centre, (0.15 * tall, 0.15 * tall), 0, 0.66)
        _ellipse(canvas, centre, (0.08 * tall, 0.08 * tall), 0, 0.5)


def _camera(random: np.random.Generator, temperature: _Canvas) -> Pixels:
    """Return the camera's image: optical blur, NETD noise (1 to 2 grey levels), column pattern, stretch to 0..255."""
    height, width = temperature.shape
    image = cv2.GaussianBlur(temperature, (0, 0), random.uniform(0.45, 0.65))
    low, high = np.percentile(image, (0.2, 99.8))
    image = 8 + 238 * (image - low) / max(high - low, 0.2)
    image += random.normal(0, random.uniform(0.8, 2.2), (height, width))
    image += random.normal(0, random.uniform(0.2, 0.6), (1, width))
    pixels: Pixels = np.clip(np.floor(image + 0.5), 0, 255).astype(np.uint8)
    return pixels
