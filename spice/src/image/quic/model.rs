//! What QUIC learns while it decodes: the Golomb-Rice codes, and which of them has been the cheapest
//! after what.

#![allow(
    clippy::indexing_slicing,
    reason = "every index is masked or counted by a loop over the table's own length"
)]

/// The longest code word the format allows.
const LONGEST_CODE: u32 = 26;

/// The code for `BITS`-bit values with parameter `order`: values below `short` are a unary quotient
/// and `order` bits of remainder; the rest follow `prefix` zeros as a number of `suffix` bits.
#[derive(Clone, Copy)]
pub(super) struct Code {
    pub prefix: u32,
    pub suffix: u32,
    pub short: u32,
}

pub(super) const fn codes(bits: u32) -> [Code; 8] {
    let mut codes = [Code {
        prefix: 1,
        suffix: 1,
        short: 0,
    }; 8];
    let mut order = 0;
    while order < bits {
        let longest = (1 << (bits - order)) - 1;
        let prefix = if LONGEST_CODE - bits < longest {
            LONGEST_CODE - bits
        } else {
            longest
        };
        let short = prefix << order;
        let rest: u32 = (1 << bits) - short;
        // The number of bits that counts to `rest`; a lone value still takes none.
        let suffix = if rest <= 1 {
            0
        } else {
            32 - (rest - 1).leading_zeros()
        };
        codes[order as usize] = Code {
            prefix,
            suffix,
            short,
        };
        order += 1;
    }
    codes
}

/// The length of the code word of every value with every order.
const fn lengths(bits: u32) -> [[u8; 8]; 256] {
    let codes = codes(bits);
    let mut lengths = [[0; 8]; 256];
    let mut value = 0;
    while value < 256 {
        let mut order = 0;
        while order < bits {
            let code = codes[order as usize];
            lengths[value as usize][order as usize] = if value < code.short {
                ((value >> order) + order + 1) as u8
            } else {
                (code.prefix + code.suffix) as u8
            };
            order += 1;
        }
        value += 1;
    }
    lengths
}

static LENGTHS_8: [[u8; 8]; 256] = lengths(8);
static LENGTHS_5: [[u8; 8]; 256] = lengths(5);

/// What one colour has learnt: for each class of previous difference, what every order would have
/// cost so far. Classes double in width: 0, 1-2, 3-6, 7-14, …; the last takes the rest.
pub(super) struct Model {
    /// The best order after a difference.
    pub order: [u8; 256],
    costs: [[u32; 8]; 8],
}

impl Model {
    pub fn new(bits: u32) -> Self {
        Self {
            order: [bits as u8 - 1; 256],
            costs: [[0; 8]; 8],
        }
    }

    /// Learns that `value` came after `previous`.
    pub fn learn<const BITS: u32>(&mut self, previous: u8, value: u8, halve_at: u32) {
        let lengths = if BITS == 8 { &LENGTHS_8 } else { &LENGTHS_5 };
        let lengths = &lengths[usize::from(value)];
        let last = BITS - 1;
        let class = (u32::from(previous) + 1).ilog2().min(last);
        let costs = &mut self.costs[class as usize & 7];
        let mut best = last;
        let mut best_cost = u32::MAX;
        for order in (0..BITS).rev() {
            let cost = &mut costs[order as usize];
            *cost += u32::from(lengths[order as usize]);
            if *cost < best_cost {
                best = order;
                best_cost = *cost;
            }
        }
        if best_cost > halve_at {
            for cost in costs {
                *cost >>= 1;
            }
        }
        let start = (1usize << class) - 1;
        if self.order[start] != best as u8 {
            let end = if class == last {
                256
            } else {
                start + (1 << class)
            };
            self.order[start..end].fill(best as u8);
        }
    }
}
