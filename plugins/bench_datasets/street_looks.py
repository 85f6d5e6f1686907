"""What a look of `streets` consists of, and the two main ones: all that makes a game differ from a camera."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

CLASSES = (
    "road", "sidewalk", "building", "fence", "pole", "sign", "vegetation", "terrain", "sky", "person", "car",
)  # fmt: skip
PALETTE = (
    (128, 64, 128), (244, 35, 232), (70, 70, 70), (190, 153, 153), (153, 153, 153), (220, 220, 0),
    (107, 142, 35), (152, 251, 152), (70, 130, 180), (220, 20, 60), (0, 0, 142),
)  # fmt: skip

Colour = tuple[float, float, float]
Range = tuple[float, float]


class Material(IntEnum):
    """What a surface is made of; finer than its class."""

    SKY = 0
    ROAD = 1
    MARKING = 2
    SIDEWALK = 3
    CURB = 4
    TERRAIN = 5
    WALL = 6
    WINDOW = 7
    FENCE = 8
    POLE = 9
    SIGN = 10
    SIGN_SYMBOL = 11
    FOLIAGE = 12
    TRUNK = 13
    SKIN = 14
    SHIRT = 15
    TROUSERS = 16
    CAR_BODY = 17
    CAR_GLASS = 18
    TYRE = 19
    LAMP = 20


CLASS_OF_MATERIAL = (8, 0, 0, 1, 1, 7, 2, 2, 3, 4, 5, 5, 6, 6, 9, 9, 9, 10, 10, 10, 10)
"""Train id of each material, in the order of `Material`."""

GROUND = (Material.ROAD, Material.MARKING, Material.SIDEWALK, Material.CURB, Material.TERRAIN)

GRAIN, CLOUDY, BOARDS, TILES = range(4)
"""Kinds of texture: independent grains, smooth patches, vertical boards, a grid of joints."""


@dataclass(frozen=True)
class Paint:
    """How a look paints one material.

    Attributes:
        colours: Linear-ish RGB in [0, 1]; each surface takes one of them.
        jitter: Standard deviation of the brightness of a surface.
        texture: Kind of texture.
        scale: Texels per metre.
        contrast: Amplitude of the texture, as a share of the brightness.
    """

    colours: tuple[Colour, ...]
    jitter: float = 0.08
    texture: int = GRAIN
    scale: float = 8.0
    contrast: float = 0.08


@dataclass(frozen=True)
class Habits:
    """What stands where, in metres and numbers; ranges are drawn from uniformly, per scene.

    Attributes:
        focal: Focal length of the camera, as a share of the image height.
        camera_height: Of the camera, above the ground.
        horizon: Row of the horizon, as a share of the image height.
        half_road: Half the width of the road.
        sidewalk: Width of each sidewalk.
        verge: Land between sidewalk and houses.
        building_height: Of houses.
        building_gap: Share of gaps in a row of houses.
        cars, persons, trees, signs: How many there are.
        fence_share: Probability of a fence, on each side.
        pole_spacing: Distance of lamps from each other.
        nearness: Distances of all that stands free are divided by it, lamps apart.
        crossing: Share of persons who walk on the road.
        kerb_parking: Share of cars that stand on the sidewalk.
    """

    focal: Range
    camera_height: Range
    horizon: Range
    half_road: Range
    sidewalk: Range
    verge: Range
    building_height: Range
    building_gap: float
    cars: Range
    persons: Range
    trees: Range
    fence_share: float
    pole_spacing: Range
    signs: Range
    nearness: float = 1.0
    crossing: float = 0.0
    kerb_parking: float = 0.0


@dataclass(frozen=True)
class Lamps:
    """The light that is not the sun's; it counts where the sun's is weak.

    Attributes:
        headlights: Illuminance by the camera car's own headlights on what stands 10 m ahead; the sun at an exposure
            of 1 gives 1.
        beam: Half the angle at which the headlights have 61 % of their strength (a Gaussian's deviation), in radians.
        colour: Colour of headlights and windows.
        windows: Share of houses with light in their windows.
        glow: Brightness of lit windows and of tail lamps, in [0, 1].
    """

    headlights: float = 0.0
    beam: float = 0.45
    colour: Colour = (1.0, 0.86, 0.62)
    windows: float = 0.0
    glow: float = 0.0


@dataclass(frozen=True)
class Rain:
    """Falling drops and wet ground.

    Attributes:
        drops: Range of the number of drops seen in a picture as wide as it is high.
        streak: Length in metres by which a drop falls during the exposure: speed times exposure time.
        opacity: Share of a streak's brightness that comes from the drop.
        wetness: Share of the ground under a film of water, in [0, 1].
    """

    drops: Range = (0.0, 0.0)
    streak: float = 0.25
    opacity: float = 0.0
    wetness: float = 0.0


@dataclass(frozen=True)
class Look:
    """One domain: materials, light, air, lens and sensor, and the habits of its streets.

    Attributes:
        paints: One for each material.
        sky: Colours of zenith and horizon.
        cloud: Colour and, per scene, the range of cover in [0, 1].
        sun: Colour that all light is multiplied with.
        exposure: Range of brightness.
        shadow: Range of how dark shadows are in [0, 1].
        shadow_blur: Softness of shadows, as a share of the image height.
        haze: Colour of the air and range of the visibility in metres.
        saturation: 1 keeps colours as they are.
        tone: Exponent of the tone curve; above 1 darkens the middle.
        contrast: Slope around the middle grey.
        blur: Range of the lens blur, in pixels at 64 rows.
        sharpen: Strength of the sharpening.
        noise: Range of the sensor noise, a deviation as a share of white, independent in each pixel.
        colour_noise: The same of noise that changes colours alone, and neighbours alike.
        vignette: How dark the corners are.
        lamps: Light beside the sun's.
        rain: Drops and wet ground.
        jpeg: Range of the quality, 1 to 95, of the JPEG file that the sensor writes; zeros: it writes no JPEG.
    """

    name: str
    paints: dict[Material, Paint]
    habits: Habits
    sky: tuple[Colour, Colour]
    cloud: Colour
    cloud_cover: Range
    sun: Colour
    exposure: Range
    shadow: Range
    shadow_blur: float
    haze: Colour
    visibility: Range
    saturation: float = 1.0
    tone: float = 1.0
    contrast: float = 1.0
    blur: Range = (0.0, 0.0)
    sharpen: float = 0.0
    noise: Range = (0.0, 0.0)
    vignette: float = 0.0
    colour_noise: Range = (0.0, 0.0)
    lamps: Lamps = Lamps()
    rain: Rain = Rain()
    jpeg: Range = (0.0, 0.0)


GAME = Look(
    name="game",
    paints={
        Material.SKY: Paint(((0.5, 0.5, 0.5),), jitter=0.0, contrast=0.0),
        Material.ROAD: Paint(((0.24, 0.25, 0.33), (0.27, 0.27, 0.34)), 0.05, GRAIN, 3.0, 0.07),
        Material.MARKING: Paint(((0.98, 0.82, 0.22),), 0.04, GRAIN, 3.0, 0.03),
        Material.SIDEWALK: Paint(((0.80, 0.71, 0.56), (0.84, 0.74, 0.62)), 0.05, TILES, 8.0, 0.16),
        Material.CURB: Paint(((0.62, 0.56, 0.46),), 0.04, GRAIN, 4.0, 0.03),
        Material.TERRAIN: Paint(((0.66, 0.80, 0.24), (0.72, 0.82, 0.28)), 0.06, CLOUDY, 10.0, 0.14),
        Material.WALL: Paint(
            ((0.93, 0.82, 0.66), (0.90, 0.66, 0.54), (0.82, 0.85, 0.90), (0.96, 0.90, 0.80)), 0.05, CLOUDY, 4.0, 0.03
        ),
        Material.WINDOW: Paint(((0.16, 0.32, 0.52), (0.20, 0.40, 0.60)), 0.08, CLOUDY, 6.0, 0.10),
        Material.FENCE: Paint(((0.70, 0.38, 0.16), (0.62, 0.34, 0.18)), 0.06, BOARDS, 24.0, 0.30),
        Material.POLE: Paint(((0.13, 0.14, 0.17),), 0.08, GRAIN, 6.0, 0.03),
        Material.SIGN: Paint(((0.95, 0.10, 0.22),), 0.04, GRAIN, 6.0, 0.02),
        Material.SIGN_SYMBOL: Paint(((0.98, 0.98, 0.98),), 0.02, GRAIN, 6.0, 0.02),
        Material.FOLIAGE: Paint(((0.22, 0.56, 0.14), (0.30, 0.62, 0.16)), 0.08, CLOUDY, 14.0, 0.28),
        Material.TRUNK: Paint(((0.45, 0.29, 0.16),), 0.06, BOARDS, 30.0, 0.15),
        Material.SKIN: Paint(((0.93, 0.72, 0.56), (0.55, 0.36, 0.25)), 0.05, GRAIN, 6.0, 0.02),
        Material.SHIRT: Paint(((0.34, 0.20, 0.82), (0.98, 0.45, 0.10), (0.45, 0.18, 0.75)), 0.06, GRAIN, 6.0, 0.03),
        Material.TROUSERS: Paint(((0.22, 0.20, 0.60), (0.60, 0.18, 0.48)), 0.06, GRAIN, 6.0, 0.03),
        Material.CAR_BODY: Paint(((0.98, 0.78, 0.10), (0.97, 0.96, 0.95), (0.12, 0.72, 0.80)), 0.05, GRAIN, 4.0, 0.02),
        Material.CAR_GLASS: Paint(((0.10, 0.16, 0.24),), 0.06, GRAIN, 4.0, 0.02),
        Material.TYRE: Paint(((0.05, 0.05, 0.06),), 0.04, GRAIN, 4.0, 0.02),
        Material.LAMP: Paint(((1.0, 0.15, 0.10),), 0.04, GRAIN, 4.0, 0.0),
    },
    habits=Habits(
        focal=(0.95, 1.1),
        camera_height=(1.5, 1.9),
        horizon=(0.44, 0.50),
        half_road=(4.4, 5.6),
        sidewalk=(2.2, 3.2),
        verge=(1.0, 4.0),
        building_height=(6.0, 17.0),
        building_gap=0.25,
        cars=(2, 5),
        persons=(2, 5),
        trees=(2, 5),
        fence_share=0.55,
        pole_spacing=(12.0, 18.0),
        signs=(2, 4),
    ),
    sky=((0.06, 0.26, 0.78), (0.40, 0.68, 0.98)),
    cloud=(1.0, 1.0, 1.0),
    cloud_cover=(0.1, 0.4),
    sun=(1.06, 1.0, 0.90),
    exposure=(0.92, 1.06),
    shadow=(0.40, 0.55),
    shadow_blur=0.0,
    haze=(0.70, 0.84, 1.0),
    visibility=(260.0, 500.0),
    saturation=1.1,
    contrast=1.08,
    sharpen=0.5,
)

CAMERA = Look(
    name="camera",
    paints={
        Material.SKY: Paint(((0.5, 0.5, 0.5),), jitter=0.0, contrast=0.0),
        Material.ROAD: Paint(((0.45, 0.46, 0.46), (0.40, 0.41, 0.42)), 0.06, GRAIN, 10.0, 0.12),
        Material.MARKING: Paint(((0.84, 0.84, 0.82),), 0.08, GRAIN, 10.0, 0.12),
        Material.SIDEWALK: Paint(((0.64, 0.46, 0.40), (0.60, 0.45, 0.41)), 0.06, TILES, 14.0, 0.18),
        Material.CURB: Paint(((0.62, 0.60, 0.57),), 0.06, GRAIN, 8.0, 0.10),
        Material.TERRAIN: Paint(((0.43, 0.46, 0.22), (0.38, 0.44, 0.20)), 0.08, GRAIN, 9.0, 0.25),
        Material.WALL: Paint(
            ((0.52, 0.34, 0.25), (0.62, 0.51, 0.37), (0.50, 0.46, 0.45), (0.56, 0.41, 0.33)), 0.10, CLOUDY, 14.0, 0.14
        ),
        Material.WINDOW: Paint(((0.20, 0.22, 0.25), (0.30, 0.34, 0.36), (0.66, 0.70, 0.72)), 0.12, CLOUDY, 10.0, 0.15),
        Material.FENCE: Paint(((0.16, 0.34, 0.30), (0.20, 0.38, 0.36)), 0.08, BOARDS, 40.0, 0.40),
        Material.POLE: Paint(((0.27, 0.29, 0.30), (0.32, 0.33, 0.33)), 0.08, GRAIN, 8.0, 0.08),
        Material.SIGN: Paint(((0.80, 0.10, 0.12), (0.72, 0.10, 0.10)), 0.08, GRAIN, 8.0, 0.08),
        Material.SIGN_SYMBOL: Paint(((0.93, 0.92, 0.90),), 0.05, GRAIN, 8.0, 0.06),
        Material.FOLIAGE: Paint(((0.13, 0.22, 0.14), (0.17, 0.25, 0.14)), 0.12, GRAIN, 9.0, 0.50),
        Material.TRUNK: Paint(((0.20, 0.17, 0.15),), 0.10, BOARDS, 40.0, 0.25),
        Material.SKIN: Paint(((0.72, 0.54, 0.45), (0.42, 0.29, 0.22)), 0.08, GRAIN, 8.0, 0.06),
        Material.SHIRT: Paint(((0.12, 0.13, 0.32), (0.10, 0.10, 0.13), (0.30, 0.12, 0.30)), 0.10, GRAIN, 8.0, 0.12),
        Material.TROUSERS: Paint(((0.12, 0.13, 0.20), (0.20, 0.17, 0.14)), 0.10, GRAIN, 8.0, 0.12),
        Material.CAR_BODY: Paint(
            ((0.10, 0.11, 0.12), (0.70, 0.72, 0.74), (0.30, 0.33, 0.38), (0.10, 0.16, 0.30)), 0.10, CLOUDY, 5.0, 0.12
        ),
        Material.CAR_GLASS: Paint(((0.30, 0.36, 0.38),), 0.10, CLOUDY, 6.0, 0.20),
        Material.TYRE: Paint(((0.07, 0.07, 0.07),), 0.06, GRAIN, 8.0, 0.08),
        Material.LAMP: Paint(((0.75, 0.10, 0.10),), 0.08, GRAIN, 8.0, 0.05),
    },
    habits=Habits(
        focal=(1.0, 1.2),
        camera_height=(1.3, 1.6),
        horizon=(0.40, 0.47),
        half_road=(3.6, 4.8),
        sidewalk=(1.8, 2.8),
        verge=(0.6, 3.0),
        building_height=(8.0, 18.0),
        building_gap=0.2,
        cars=(3, 7),
        persons=(2, 6),
        trees=(2, 7),
        fence_share=0.55,
        pole_spacing=(10.0, 16.0),
        signs=(2, 5),
    ),
    sky=((0.80, 0.83, 0.86), (0.93, 0.93, 0.91)),
    cloud=(0.70, 0.72, 0.75),
    cloud_cover=(0.2, 0.8),
    sun=(0.97, 1.0, 1.0),
    exposure=(0.9, 1.2),
    shadow=(0.15, 0.35),
    shadow_blur=0.03,
    haze=(0.80, 0.82, 0.82),
    visibility=(70.0, 170.0),
    saturation=0.85,
    tone=1.0,
    contrast=1.0,
    blur=(0.45, 0.75),
    noise=(0.014, 0.032),
    vignette=0.22,
)

LOOKS = {"game": GAME, "camera": CAMERA}
