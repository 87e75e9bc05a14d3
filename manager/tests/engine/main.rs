//! The manager as a whole, with a simulated host: what callers ask for, what hosts do, and what is
//! left after a crash at every step.

mod access;
mod adoption;
mod cancel;
mod chains;
mod consoles;
mod devices;
mod guests;
mod history;
mod image_corpus;
mod image_mutations;
mod images;
mod infrastructure;
mod policies;
mod pools;
mod provisioning;
mod recovery;
mod scale;
mod sessions;
mod site;
mod snapshots;
mod templates;
mod transfers;
mod vms;
