"""The colours keep what they promise: told apart, readable, one meaning each."""

import math

import pytest

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
