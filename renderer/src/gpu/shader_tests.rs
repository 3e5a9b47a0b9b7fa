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

#[test]
fn every_wgsl_file_is_in_the_list() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/gpu");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "wgsl"))
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    files.sort();
    let mut listed: Vec<&str> = SHADERS.iter().map(|(name, _)| *name).collect();
    listed.sort_unstable();
    assert_eq!(files, listed);
}
