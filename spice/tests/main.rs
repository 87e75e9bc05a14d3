//! All tests of the crate from outside, one binary.

mod corpus;
mod images;
mod mutations;
mod oracles;
