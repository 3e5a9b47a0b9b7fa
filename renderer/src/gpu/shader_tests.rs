//! Every shader parses, validates and offers its entry points, checked by naga without any graphics device.

use wgpu::naga;

use super::pipelines::SHADERS;

#[test]
fn every_shader_is_valid() {
    for (name, source) in SHADERS {
        let module = naga::front::wgsl::parse_str(source)
            .unwrap_or_else(|error| panic!("{name}: {}", error.emit_to_string(source)));
        let mut validator =
            naga::valid::Validator::new(naga::valid::ValidationFlags::all(), naga::valid::Capabilities::empty());
        let checked = validator.validate(&module);
        assert!(checked.is_ok(), "{name}: {checked:?}");
        assert!(module.entry_points.iter().any(|entry| entry.name == "vs_main"), "{name} has no vs_main");
        assert!(module.entry_points.iter().any(|entry| entry.name.starts_with("fs_")), "{name} has no fragment entry");
    }
}

/// Every WGSL file beside this one, by name.
fn files() -> Vec<(String, String)> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/gpu");
    let paths = std::fs::read_dir(folder).expect("the folder is there").map(|entry| entry.expect("readable").path());
    let wgsl = paths.filter(|path| path.extension().is_some_and(|extension| extension == "wgsl"));
    wgsl.map(|path| {
        let text = std::fs::read_to_string(&path).expect("readable");
        (path.file_stem().expect("a name").to_string_lossy().into_owned(), text)
    })
    .collect()
}

#[test]
fn every_wgsl_file_is_part_of_a_shader_in_the_list() {
    for (name, text) in files() {
        assert!(SHADERS.iter().any(|(_, source)| source.contains(&text)), "{name} is in no shader");
    }
}

#[test]
fn no_function_or_structure_is_written_twice() {
    let mut seen = std::collections::BTreeMap::new();
    for (file, text) in files() {
        for line in text.lines() {
            let Some(name) = line.strip_prefix("fn ").or_else(|| line.strip_prefix("struct ")) else { continue };
            let name = name.split(['(', ' ']).next().expect("a name").to_owned();
            // Each shader has its own entry points and what goes between them.
            if !name.starts_with("vs_") && !name.starts_with("fs_") && name != "Corner" {
                assert_eq!(seen.insert(name.clone(), file.clone()), None, "{name} is in {file} too");
            }
        }
    }
}
