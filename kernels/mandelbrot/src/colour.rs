//! Colours: light is mixed as light, and gradients run through Oklab, where
//! equal steps look equal.

use std::ops::{Add, Mul};

/// Linear light, sRGB primaries, 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Light {
    pub(crate) red: f32,
    pub(crate) green: f32,
    pub(crate) blue: f32,
}

/// Björn Ottosson's perceptual space: lightness, green–red, blue–yellow.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Oklab {
    l: f32,
    a: f32,
    b: f32,
}

impl Light {
    /// From `0xRRGGBB`, as designers write colours.
    pub(crate) fn from_hex(hex: u32) -> Self {
        let channel = |shift: u32| fast_srgb8::srgb8_to_f32((hex >> shift) as u8);
        Self {
            red: channel(16),
            green: channel(8),
            blue: channel(0),
        }
    }

    /// The three bytes of a pixel; what is brighter than white becomes white.
    pub(crate) fn to_srgb(self) -> [u8; 3] {
        [self.red, self.green, self.blue].map(fast_srgb8::f32_to_srgb8)
    }
}

impl Add for Light {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            red: self.red + other.red,
            green: self.green + other.green,
            blue: self.blue + other.blue,
        }
    }
}

impl Mul<f32> for Light {
    type Output = Self;

    fn mul(self, by: f32) -> Self {
        Self {
            red: self.red * by,
            green: self.green * by,
            blue: self.blue * by,
        }
    }
}

impl Oklab {
    pub(crate) fn from_light(light: Light) -> Self {
        let Light { red, green, blue } = light;
        let l = (0.412_221_47 * red + 0.536_332_55 * green + 0.051_445_995 * blue).cbrt();
        let m = (0.211_903_5 * red + 0.680_699_5 * green + 0.107_396_96 * blue).cbrt();
        let s = (0.088_302_46 * red + 0.281_718_85 * green + 0.629_978_7 * blue).cbrt();
        Self {
            l: 0.210_454_26 * l + 0.793_617_8 * m - 0.004_072_047 * s,
            a: 1.977_998_5 * l - 2.428_592_2 * m + 0.450_593_7 * s,
            b: 0.025_904_037 * l + 0.782_771_77 * m - 0.808_675_77 * s,
        }
    }

    /// A colour that no screen has comes out at the nearest edge, channel by channel.
    pub(crate) fn to_light(self) -> Light {
        let l = self.l + 0.396_337_78 * self.a + 0.215_803_76 * self.b;
        let m = self.l - 0.105_561_346 * self.a - 0.063_854_17 * self.b;
        let s = self.l - 0.089_484_18 * self.a - 1.291_485_5 * self.b;
        let (l, m, s) = (l * l * l, m * m * m, s * s * s);
        Light {
            red: (4.076_741_7 * l - 3.307_711_6 * m + 0.230_969_94 * s).clamp(0.0, 1.0),
            green: (-1.268_438 * l + 2.609_757_4 * m - 0.341_319_4 * s).clamp(0.0, 1.0),
            blue: (-0.004_196_086_3 * l - 0.703_418_6 * m + 1.707_614_7 * s).clamp(0.0, 1.0),
        }
    }

    /// `part` of the way from here to `other`.
    pub(crate) fn towards(self, other: Self, part: f32) -> Self {
        let between = |from: f32, to: f32| from + (to - from) * part;
        Self {
            l: between(self.l, other.l),
            a: between(self.a, other.a),
            b: between(self.b, other.b),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_survives_the_way_through_oklab() {
        for hex in [
            0x00_0000, 0xff_ffff, 0xff_0000, 0x00_ff00, 0x00_00ff, 0xf2_a541, 0x12_3456,
        ] {
            let [_, expected @ ..] = u32::to_be_bytes(hex);
            assert_eq!(
                Oklab::from_light(Light::from_hex(hex)).to_light().to_srgb(),
                expected,
                "{hex:06x}"
            );
        }
    }

    #[test]
    fn grey_has_no_hue() {
        let grey = Oklab::from_light(Light::from_hex(0x80_8080));
        assert!(grey.a.abs() < 1e-4 && grey.b.abs() < 1e-4, "{grey:?}");
        assert!((grey.l - 0.5999).abs() < 1e-3, "{grey:?}");
    }
}
