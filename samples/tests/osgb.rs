//! The OSGB writer against `osgconv`, which shares no code with us: it must open what we write and count the same triangles.

use samples::osgb::{Mesh, Node, write};
use std::process::Command;

fn mesh(triangles: u32) -> Mesh {
    let mut jpeg = Vec::new();
    jpeg_encoder::Encoder::new(&mut jpeg, 80)
        .encode(&[120; 16 * 16 * 3], 16, 16, jpeg_encoder::ColorType::Rgb)
        .expect("a grey square");
    let mut mesh = Mesh { jpeg, picture: [16, 16], picture_name: "grey.jpg".to_owned(), ..Mesh::default() };
    for i in 0..triangles {
        let x = f64::from(i) as f32;
        mesh.positions.extend([[x, 0.0, 1.0], [x + 1.0, 0.0, 2.0], [x, 1.0, 3.0]]);
        mesh.texcoords.extend([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]);
        mesh.indices.extend([3 * i, 3 * i + 1, 3 * i + 2]);
    }
    mesh
}

#[test]
fn osgconv_opens_groups_leaves_and_paged_nodes_with_every_triangle() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = |name: &str| folder.path().join(name);
    std::fs::write(file("leaf.osgb"), write(&Node::Group(vec![Node::Leaf(mesh(7)), Node::Leaf(mesh(5))])))
        .expect("write leaf");
    let paged = Node::Paged { mesh: mesh(3), finer: "leaf.osgb".to_owned(), switch_px: 400.0 };
    std::fs::write(file("root.osgb"), write(&paged)).expect("write root");
    let Ok(answer) = Command::new("osgconv").arg(file("leaf.osgb")).arg(file("leaf.obj")).output() else {
        println!("SKIPPED: osgconv is not installed (Debian package openscenegraph)");
        return;
    };
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    let object = std::fs::read_to_string(file("leaf.obj")).expect("osgconv wrote the object");
    assert_eq!(object.lines().filter(|line| line.starts_with("f ")).count(), 12);

    let answer = Command::new("osgconv").arg(file("root.osgb")).arg(file("root.osgt")).output().expect("osgconv runs");
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    let text = std::fs::read_to_string(file("root.osgt")).expect("osgconv wrote the text form");
    for wanted in ["osg::PagedLOD", "leaf.osgb", "0 400", "400 1e+30", "osg::DrawElementsUInt", "osg::Texture2D"] {
        assert!(text.contains(wanted), "{wanted} is missing");
    }
}
