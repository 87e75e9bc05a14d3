//! Decides whether an uploaded file may become a disk or a CD, by our own reading of its header.
