//! The colours a picture is drawn in.

use crate::colour::{Light, Oklab};
use crate::orbit::Orbit;

/// How fast the colours go round: turns for each doubling of the steps.
const TURNS_PER_DOUBLING: f32 = 0.36;

/// Doublings before the colours begin to turn: far from the set it is dark.
const DOUBLINGS_OF_DARK: f32 = 2.2;

/// Where the light comes from: the upper left, as one reads.
const LIGHT_FROM: (f32, f32) = (
    -std::f32::consts::FRAC_1_SQRT_2,
    std::f32::consts::FRAC_1_SQRT_2,
);

#[derive(Debug, thiserror::Error)]
#[error("there is no palette {0:?}")]
pub(crate) struct UnknownPalette(String);

/// Colours in a circle, and one for the inside.
#[derive(Clone, Debug)]
pub(crate) struct Palette {
    circle: Vec<Oklab>,
    inside: Light,
    /// How strongly the light falls from one side, 0 to 1.
    relief: f32,
}

impl Palette {
    pub(crate) fn named(name: &str) -> Result<Self, UnknownPalette> {
        let (circle, inside, relief): (&[u32], u32, f32) = match name {
            "honey" => (
                &[
                    0x1b_0f05, 0x6b_3208, 0xd9_8a12, 0xff_d65c, 0xff_f6d8, 0xf7_b733, 0x9c_4a0a,
                    0x3a_1a06,
                ],
                0x0d_0803,
                0.55,
            ),
            "lagoon" => (
                &[
                    0x03_1226, 0x0b_4f6c, 0x12_a4a0, 0xc8_f5e0, 0xff_fdf0, 0x5c_d0d8, 0x14_6ca4,
                    0x08_2a55,
                ],
                0x02_0812,
                0.5,
            ),
            "ember" => (
                &[
                    0x0b_0812, 0x3b_0f3f, 0xa0_1a3c, 0xf2_5c1f, 0xff_c24a, 0xff_f4cf, 0xd8_4a2a,
                    0x55_1038,
                ],
                0x05_0308,
                0.5,
            ),
            "aurora" => (
                &[
                    0x07_0b2a, 0x1c_2f7a, 0x17_7f8f, 0x3f_d08a, 0xe6_f9a8, 0xff_b3c7, 0xb0_4fb0,
                    0x3d_1f78,
                ],
                0x04_0616,
                0.5,
            ),
            "ink" => (
                &[
                    0xf7_f3ea, 0xd9_d2c3, 0x8d_8577, 0x35_322d, 0x8d_8577, 0xd9_d2c3,
                ],
                0x16_1512,
                0.7,
            ),
            _ => return Err(UnknownPalette(name.to_owned())),
        };
        Ok(Self {
            circle: circle
                .iter()
                .map(|hex| Oklab::from_light(Light::from_hex(*hex)))
                .collect(),
            inside: Light::from_hex(inside),
            relief,
        })
    }

    /// The light of one point, where `pixel` is the size of a pixel in units of
    /// the plane.
    pub(crate) fn light(&self, orbit: &Orbit, pixel: f64) -> Light {
        let Orbit::Outside {
            steps,
            distance,
            outwards,
        } = *orbit
        else {
            return self.inside;
        };
        let doublings = (steps.max(0.0) as f32 + 1.0).log2() - DOUBLINGS_OF_DARK;
        let turns = doublings.max(0.0) * TURNS_PER_DOUBLING;
        let colour = self.at(turns).to_light();

        let slope = outwards.0 as f32 * LIGHT_FROM.0 + outwards.1 as f32 * LIGHT_FROM.1;
        let lit = colour * (1.0 + self.relief * 0.5 * slope - self.relief * 0.2);

        // Nearer than a pixel the set fills more and more of what is seen.
        let near = (distance / pixel).min(1.0) as f32;
        let outside = near.sqrt();
        lit * outside + self.inside * (1.0 - outside)
    }

    /// The colour after `turns` of the circle.
    fn at(&self, turns: f32) -> Oklab {
        let place = turns.rem_euclid(1.0) * self.circle.len() as f32;
        let from = place as usize % self.circle.len();
        let to = (from + 1) % self.circle.len();
        let part = place.fract();
        // Eased, so that the gradient has no corners at its colours.
        self.circle[from].towards(self.circle[to], part * part * (3.0 - 2.0 * part))
    }
}

#[cfg(test)]
mod tests {
    use skep_kernel::Parameters as _;

    use super::*;

    #[test]
    fn every_choice_is_a_palette() {
        let choices = crate::Parameters::TABLE
            .iter()
            .find(|parameter| parameter.name == "palette")
            .expect("a parameter")
            .choices;
        for name in choices {
            Palette::named(name).expect(name);
        }
        assert_eq!(
            Palette::named("grey").expect_err("unknown").to_string(),
            "there is no palette \"grey\""
        );
    }

    #[test]
    fn the_circle_closes_and_has_no_jumps() {
        let palette = Palette::named("honey").expect("a palette");
        for place in 0..2000_u16 {
            let turns = |place: u16| f32::from(place) / 1000.0;
            let (here, next) = (
                palette.at(turns(place)).to_light(),
                palette.at(turns(place + 1)).to_light(),
            );
            let jump = (here.red - next.red).abs()
                + (here.green - next.green).abs()
                + (here.blue - next.blue).abs();
            assert!(jump < 0.05, "at {}: {here:?} then {next:?}", turns(place));
        }
    }

    #[test]
    fn at_the_set_the_outside_becomes_the_inside() {
        let palette = Palette::named("ember").expect("a palette");
        let at = |distance| {
            palette.light(
                &Orbit::Outside {
                    steps: 40.0,
                    distance,
                    outwards: (0.0, 1.0),
                },
                1.0,
            )
        };
        assert_eq!(at(0.0), palette.light(&Orbit::Inside, 1.0));
        assert_eq!(at(1.0), at(50.0));
    }
}
