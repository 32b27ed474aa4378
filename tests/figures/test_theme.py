"""The colours keep what they promise: told apart, readable, one meaning each."""

import math
from itertools import combinations

import numpy as np
import pytest

from director_ai.figures.halt_curve import ALARM_OPACITY, NEAR_OPACITY
from director_ai.figures.theme import (
    DARK,
    DASH,
    GLYPH,
    LIGHT,
    RULES,
    Palette,
    heat_level,
    palette,
    rgba,
)

BOTH = pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])


def luminance(colour: str) -> float:
    """Return the relative luminance of WCAG 2."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of WCAG 2, from 1 to 21."""
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


def test_contrast_of_black_and_white_is_21() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)


@BOTH
@pytest.mark.parametrize("name", ["coherence", "hard", "window", "trend", "muted"])
def test_lines_stand_out_from_the_page(colours: Palette, name: str) -> None:
    assert contrast(getattr(colours, name), colours.page) >= 3


@BOTH
def test_text_is_readable_on_the_page(colours: Palette) -> None:
    assert contrast(colours.ink, colours.page) >= 4.5
    assert contrast(colours.muted, colours.page) >= 4.5


@BOTH
def test_text_is_readable_on_every_heat(colours: Palette) -> None:
    *below, hottest = colours.heat

    assert min(contrast(colours.ink, heat) for heat in below) >= 4.5
    assert contrast(colours.heat_ink, hottest) >= 4.5


@BOTH
def test_more_heat_is_further_from_the_page(colours: Palette) -> None:
    distances = [contrast(heat, colours.page) for heat in colours.heat]

    assert distances == sorted(distances)
    assert len(set(distances)) == 4


# Machado, Oliveira and Fernandes (2009), table 1, severity 1.0, on linear RGB.
SIGHT = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
}
BY_SIGHT = pytest.mark.parametrize("sight", SIGHT)
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = XYZ.sum(axis=1)


def lab(colour: str, sight: str, *, over: str = "#000000", alpha: float = 1.0) -> np.ndarray:
    """Return CIE L*a*b* of a colour, laid ``over`` another, as a kind of sight has it."""
    drawn, below = (
        np.array([int(each[i : i + 2], 16) / 255 for i in (1, 3, 5)]) for each in (colour, over)
    )
    mixed = alpha * drawn + (1 - alpha) * below
    linear = np.where(mixed <= 0.04045, mixed / 12.92, ((mixed + 0.055) / 1.055) ** 2.4)
    ratio = XYZ @ np.clip(SIGHT[sight] @ linear, 0, 1) / WHITE
    x, y, z = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_a_simulation_keeps_greys_and_makes_red_and_green_alike() -> None:
    for sight in ("protanopia", "deuteranopia"):
        assert lab("#808080", sight) == pytest.approx(lab("#808080", "normal"), abs=0.1)
        # The axis from green to red.
        apart, alike = (
            lab("#FF0000", each)[1] - lab("#00C000", each)[1] for each in ("normal", sight)
        )
        assert abs(alike) < apart / 4


@BOTH
@BY_SIGHT
def test_rules_are_told_apart_by_any_sight(colours: Palette, sight: str) -> None:
    seen = {rule: lab(colours.rule(rule), sight) for rule in RULES}
    page = lab(colours.page, sight)

    # A difference of 2.3 is just noticed; lines as thin as these need many of them.
    for one, other in combinations(RULES, 2):
        assert np.linalg.norm(seen[one] - seen[other]) > 35, (one, other)
    for rule in RULES:
        assert abs(seen[rule][0] - page[0]) > 40, rule


@BOTH
@BY_SIGHT
def test_a_rule_is_told_from_the_curve_and_from_what_only_comments(
    colours: Palette, sight: str
) -> None:
    curve, comment = lab(colours.coherence, sight), lab(colours.muted, sight)

    for rule in RULES:
        seen = lab(colours.rule(rule), sight)
        assert np.linalg.norm(seen - curve) > 18, rule
        assert np.linalg.norm(seen - comment) > 20, rule


@BOTH
@BY_SIGHT
def test_a_broken_rule_s_area_stands_out_from_page_and_from_what_is_only_near(
    colours: Palette, sight: str
) -> None:
    page = lab(colours.page, sight)
    broken = lab(colours.alarm, sight, over=colours.page, alpha=ALARM_OPACITY)
    near = lab(colours.window, sight, over=colours.page, alpha=NEAR_OPACITY)

    assert np.linalg.norm(broken - page) > 20
    assert np.linalg.norm(broken - near) > 20
    assert 2.3 < np.linalg.norm(near - page) < np.linalg.norm(broken - page)


@pytest.mark.parametrize("table", [DASH, GLYPH])
def test_no_two_rules_share_a_mark(table: dict[str, str]) -> None:
    assert list(table) == list(RULES)
    assert len(set(table.values())) == len(RULES)


@pytest.mark.parametrize(
    ("margin", "level"),
    [
        (math.inf, 0),
        (0.10, 0),
        (math.nextafter(0.10, 0), 1),
        (0.05, 1),
        (math.nextafter(0.05, 0), 2),
        (0.02, 2),
        (math.nextafter(0.02, 0), 3),
        (0.0, 3),
        (-0.0, 3),
        (math.nextafter(0.0, -1), 4),
        (-1.0, 4),
        (math.nan, 0),
    ],
)
def test_heat_rises_one_ulp_below_each_bound(margin: float, level: int) -> None:
    assert heat_level(margin) == level


def test_each_theme_has_its_palette() -> None:
    assert palette("light") is LIGHT
    assert palette("dark") is DARK


def test_rules_have_the_colours_of_their_names() -> None:
    assert [LIGHT.rule(rule) for rule in RULES] == [LIGHT.hard, LIGHT.window, LIGHT.trend]


@pytest.mark.parametrize("colour", ["red", "#FFF", "#GGGGGG"])
def test_rgba_refuses_what_is_not_a_hex_colour(colour: str) -> None:
    with pytest.raises(ValueError, match=r"#RRGGBB|invalid literal"):
        rgba(colour, 0.5)


def test_rgba_refuses_an_opacity_above_one() -> None:
    with pytest.raises(ValueError, match=r"alpha must be in \[0, 1\], got 10"):
        rgba("#FFFFFF", 10)
