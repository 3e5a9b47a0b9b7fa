//! The generated contracts are committed and equal what the programs print.

use std::fs;
use std::process::Command;

use crate::programs::{data_folder, program, root, run};

#[test]
fn the_committed_contracts_are_what_the_programs_print() {
    let folder = data_folder();
    let programs =
        std::path::Path::new(program("shikong-import").get_program()).parent().expect("a folder").to_path_buf();
    let (code, out, err) = run(Command::new(root().join("scripts/contracts.sh")).arg(programs).arg(folder.path()));
    assert_eq!(code, 0, "{out}\n{err}");
    for (printed, committed) in
        [("openapi.json", "tile-server/openapi.json"), ("command-line.txt", "docs/command-line.txt")]
    {
        let printed = fs::read_to_string(folder.path().join(printed)).expect("written");
        let committed_text = fs::read_to_string(root().join(committed)).expect("committed");
        assert!(printed == committed_text, "{committed} is not what the programs print: run `make contracts`");
    }
}
