//! The shipped programs driven end to end, as their people use them. Logic is tested lower down; here a survey goes in and a picture comes out.

#![allow(clippy::panic, reason = "a story that fails panics, also in the code that drives the programs")]

mod broken_input;
mod killed_import;
mod programs;
mod real_samples;
mod sample_county;
