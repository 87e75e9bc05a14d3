//! All tests of the crate from outside, one binary.

mod canvas;
mod compositions;
mod corpus;
mod decoded_outside;
mod drawing;
mod hostile;
mod images;
mod inputs;
mod inputs_alone;
mod link;
mod mutations;
mod oracles;
mod pointer;
mod recording;
mod regions;
mod replay;
mod session;
mod strokes;
mod support;
mod surfaces;
mod texts;
mod video;
mod wire;
