//! The operators of the X Render extension that divide: the disjoint and conjoint ones, and the
//! PDF blend modes that need it. Done with floating-point numbers, in the order in which the
//! server's own drawing library (pixman) does them, so that even the last bit is the same.

/// Red, green, blue and coverage, 0 to 1.
pub(super) type Colour = [f32; 4];

/// How much of a source or destination remains: a function of the coverage of it (`own`) and of
/// the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    None,
    All,
    /// own's share of the room the other leaves
    FreeOverOwn,
    /// what of own has no room beside the other
    CrowdedOverOwn,
    /// the other's share of own
    OtherOverOwn,
    /// what the other leaves of own
    LeftOverOwn,
}

impl Part {
    fn value(self, own: f32, other: f32) -> f32 {
        let none = is_zero(own);
        match self {
            Self::None => 0.0,
            Self::All => 1.0,
            Self::FreeOverOwn | Self::OtherOverOwn if none => 1.0,
            Self::CrowdedOverOwn | Self::LeftOverOwn if none => 0.0,
            Self::FreeOverOwn => clamp((1.0 - other) / own),
            Self::OtherOverOwn => clamp(other / own),
            Self::CrowdedOverOwn => clamp(1.0 - (1.0 - other) / own),
            Self::LeftOverOwn => clamp(1.0 - other / own),
        }
    }
}

/// Too small to divide by.
fn is_zero(value: f32) -> bool {
    -f32::MIN_POSITIVE < value && value < f32::MIN_POSITIVE
}

fn clamp(value: f32) -> f32 {
    value.clamp(0.0, 1.0)
}

/// What remains of source and destination, for the disjoint operators (`crowded`) and for the
/// conjoint ones, which differ in what coverage is taken for.
const fn parts(number: u8, free: Part, crowded: Part) -> Option<(Part, Part)> {
    Some(match number {
        0 => (Part::None, Part::None),
        1 => (Part::All, Part::None),
        2 => (Part::None, Part::All),
        3 => (Part::All, free),
        4 => (free, Part::All),
        5 => (crowded, Part::None),
        6 => (Part::None, crowded),
        7 => (free, Part::None),
        8 => (Part::None, free),
        9 => (crowded, free),
        10 => (free, crowded),
        11 => (free, free),
        _ => return None,
    })
}

/// Source and destination with their coverage: one colour of each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inputs {
    source_alpha: f32,
    source: f32,
    dest_alpha: f32,
    dest: f32,
}

/// An operator that divides.
#[derive(Clone, Copy, Debug)]
pub(super) enum CombineFloat {
    Parts(Parts),
    Blend(fn(Inputs) -> f32),
    Hsl(Hsl),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Parts {
    source: Part,
    dest: Part,
}

/// Blend modes that mix hue, saturation and luminosity of source and destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hsl {
    Hue,
    Saturation,
    Colour,
    Luminosity,
}

/// SATURATE
const SATURATE: u8 = 13;

impl CombineFloat {
    /// The operator of that number, if it is one of these.
    pub(super) fn of(operator: u8) -> Option<Self> {
        let parts = match operator {
            SATURATE => Some((Part::FreeOverOwn, Part::All)),
            16..32 => parts(operator - 16, Part::FreeOverOwn, Part::CrowdedOverOwn),
            32..48 => parts(operator - 32, Part::LeftOverOwn, Part::OtherOverOwn),
            _ => None,
        };
        if let Some((source, dest)) = parts {
            return Some(Self::Parts(Parts { source, dest }));
        }
        Some(match operator {
            53 => Self::Blend(dodge),
            54 => Self::Blend(burn),
            56 => Self::Blend(soft_light),
            59 => Self::Hsl(Hsl::Hue),
            60 => Self::Hsl(Hsl::Saturation),
            61 => Self::Hsl(Hsl::Colour),
            62 => Self::Hsl(Hsl::Luminosity),
            _ => return None,
        })
    }

    /// The result for one pixel.
    pub(super) fn pixel(
        self,
        source: Colour,
        mask: Option<Colour>,
        component: bool,
        dest: Colour,
    ) -> Colour {
        if let Self::Hsl(mode) = self {
            if component && mask.is_some() {
                // There is no such thing, and nothing is drawn.
                return dest;
            }
            return mode.pixel(source, mask, dest);
        }
        let [_, _, _, alpha] = source;
        let (source, coverage) = match mask {
            None => (source, [alpha; 4]),
            Some(mask) if component => {
                let mut left = source;
                for (left, mask) in left.iter_mut().zip(mask) {
                    *left *= mask;
                }
                (left, mask.map(|mask| mask * alpha))
            }
            Some([_, _, _, mask]) => (source.map(|value| value * mask), [alpha * mask; 4]),
        };
        let [_, _, _, dest_alpha] = dest;
        let mut out = dest;
        let inputs = source.iter().zip(coverage);
        for (index, (out, (source, source_alpha))) in out.iter_mut().zip(inputs).enumerate() {
            let (source, dest) = (*source, *out);
            *out = match self {
                Self::Parts(parts) => {
                    let of_source = parts.source.value(source_alpha, dest_alpha);
                    let of_dest = parts.dest.value(dest_alpha, source_alpha);
                    (source * of_source + dest * of_dest).min(1.0)
                }
                _ if index == 3 => dest_alpha + source - dest_alpha * source,
                Self::Blend(blend) => {
                    let beside = (1.0 - source_alpha) * dest + (1.0 - dest_alpha) * source;
                    beside
                        + blend(Inputs {
                            source_alpha,
                            source,
                            dest_alpha,
                            dest,
                        })
                }
                Self::Hsl(_) => dest,
            };
        }
        out
    }
}

fn dodge(i: Inputs) -> f32 {
    if is_zero(i.dest) {
        0.0
    } else if i.dest * i.source_alpha >= i.source_alpha * i.dest_alpha - i.source * i.dest_alpha
        || is_zero(i.source_alpha - i.source)
    {
        i.source_alpha * i.dest_alpha
    } else {
        i.source_alpha * i.source_alpha * i.dest / (i.source_alpha - i.source)
    }
}

fn burn(i: Inputs) -> f32 {
    if i.dest >= i.dest_alpha {
        i.source_alpha * i.dest_alpha
    } else if i.source_alpha * (i.dest_alpha - i.dest) >= i.source * i.dest_alpha
        || is_zero(i.source)
    {
        0.0
    } else {
        i.source_alpha * (i.dest_alpha - i.source_alpha * (i.dest_alpha - i.dest) / i.source)
    }
}

fn soft_light(i: Inputs) -> f32 {
    let Inputs {
        source_alpha,
        source,
        dest_alpha,
        dest,
    } = i;
    let plain = dest * source_alpha;
    if is_zero(dest_alpha) {
        plain
    } else if 2.0 * source <= source_alpha {
        plain - dest * (dest_alpha - dest) * (source_alpha - 2.0 * source) / dest_alpha
    } else if 4.0 * dest <= dest_alpha {
        let curve = (16.0 * dest / dest_alpha - 12.0) * dest / dest_alpha + 3.0;
        plain + (2.0 * source - source_alpha) * dest * curve
    } else {
        plain + ((dest * dest_alpha).sqrt() - dest) * (2.0 * source - source_alpha)
    }
}

type Rgb = [f32; 3];

fn luminosity([r, g, b]: Rgb) -> f32 {
    r * 0.3 + g * 0.59 + b * 0.11
}

fn least([r, g, b]: Rgb) -> f32 {
    r.min(g).min(b)
}

fn most([r, g, b]: Rgb) -> f32 {
    r.max(g).max(b)
}

fn saturation(colour: Rgb) -> f32 {
    most(colour) - least(colour)
}

fn with_luminosity(colour: Rgb, alpha: f32, wanted: f32) -> Rgb {
    let more = wanted - luminosity(colour);
    let mut colour = colour.map(|value| value + more);
    let (mean, low, high) = (luminosity(colour), least(colour), most(colour));
    if low < 0.0 {
        let range = mean - low;
        colour = match is_zero(range) {
            true => [0.0; 3],
            false => colour.map(|value| mean + (value - mean) * mean / range),
        };
    }
    if high > alpha {
        let range = high - mean;
        colour = match is_zero(range) {
            true => [alpha; 3],
            false => colour.map(|value| mean + (value - mean) * (alpha - mean) / range),
        };
    }
    colour
}

fn with_saturation(colour: Rgb, wanted: f32) -> Rgb {
    let (low, high) = (least(colour), most(colour));
    let range = high - low;
    if is_zero(range) {
        return [0.0; 3];
    }
    colour.map(|value| {
        if value == high {
            wanted
        } else {
            (value - low) * wanted / range
        }
    })
}

impl Hsl {
    fn pixel(self, source: Colour, mask: Option<Colour>, dest: Colour) -> Colour {
        let [mut r, mut g, b, mut source_alpha] = source;
        if let Some([_, _, _, mask]) = mask {
            // So the server does it: green twice, blue not at all.
            [r, g, source_alpha] = [r * mask, g * mask * mask, source_alpha * mask];
        }
        let source = [r, g, b];
        let [r, g, b, dest_alpha] = dest;
        let dest = [r, g, b];
        let from_source = source.map(|value| value * dest_alpha);
        let from_dest = dest.map(|value| value * source_alpha);
        let all = source_alpha * dest_alpha;
        let lit_as_dest = luminosity(dest) * source_alpha;
        let mixed = match self {
            Self::Hue => with_luminosity(
                with_saturation(from_source, saturation(dest) * source_alpha),
                all,
                lit_as_dest,
            ),
            Self::Saturation => with_luminosity(
                with_saturation(from_dest, saturation(source) * dest_alpha),
                all,
                lit_as_dest,
            ),
            Self::Colour => with_luminosity(from_source, all, lit_as_dest),
            Self::Luminosity => with_luminosity(from_dest, all, luminosity(source) * dest_alpha),
        };
        let mut out = [0.0, 0.0, 0.0, source_alpha + dest_alpha - all];
        let inputs = source.iter().zip(dest).zip(mixed);
        for (out, ((source, dest), mixed)) in out.iter_mut().zip(inputs) {
            *out = (1.0 - source_alpha) * dest + (1.0 - dest_alpha) * source + mixed;
        }
        out
    }
}
