//! The manager as a whole, with a simulated host: what callers ask for, what hosts do, and what is
//! left after a crash at every step.

mod recovery;
mod site;
mod transfers;
mod vms;
