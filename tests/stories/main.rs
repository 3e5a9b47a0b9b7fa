//! The shipped programs driven end to end, as their people use them. Logic is tested lower down; here a survey goes in and a picture comes out.

#![allow(
    clippy::panic,
    clippy::print_stderr,
    clippy::too_many_lines,
    clippy::case_sensitive_file_extension_comparisons,
    reason = "a story that fails panics, one that is skipped says so, and one that is long reads from top to bottom"
)]

mod broken_input;
mod contracts;
mod coordination;
mod desk_in_browser;
mod disaster;
mod disaster_in_viewer;
mod ground_truth_audit;
mod interrupted_jobs;
mod killed_import;
mod landslide;
mod meeting;
mod minneapolis;
mod oracles;
mod people;
mod plans_in_browser;
mod programs;
mod real_samples;
mod review;
mod sample_county;
mod tianditu;
mod viewing;
mod web_mercator;
