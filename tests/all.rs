//! All integration tests, one binary: a folder for each subject.

mod access;
mod console;
mod guest;
mod images;
mod lab;
mod live;
mod server;
