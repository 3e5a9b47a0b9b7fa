//! The reader: follows scene, nodes, meshes and materials to one flat [`Model`].
//!
//! glTF 2.0 throughout. Animations, skins, cameras, lights, morph targets and every texture but
//! the base colour are left aside; what would make the picture wrong without its extension is
//! refused by name.

use std::borrow::Cow;
use std::io;

use base64::Engine as _;
use serde::Deserialize as _;

use super::buffer::Buffers;
use super::schema::{self, Root, TextureTransform};
use super::{Alpha, GlbError, IDENTITY, Image, Material, Matrix, Mode, Model, Primitive, Wrap, container, multiply};

/// Extensions that may be required: read here, or only a matter of how a surface shines.
const KNOWN: [&str; 9] = [
    "CESIUM_RTC",
    "EXT_texture_webp",
    "KHR_mesh_quantization",
    "KHR_texture_transform",
    "EXT_mesh_features",
    "EXT_structural_metadata",
    "EXT_instance_features",
    "KHR_lights_punctual",
    "KHR_xmp_json_ld",
];

/// Reads a glb, a glTF JSON or a b3dm.
///
/// `external` is asked for each file the model names, with the URI as written (relative,
/// percent-encoded): the caller decides what may be reached. `data:` URIs are not asked for.
///
/// # Errors
/// [`GlbError::Unsupported`] names the extension that would be needed; [`GlbError::External`]
/// the file that could not be had; anything else means damaged or hostile bytes.
pub fn read(bytes: &[u8], external: &mut dyn FnMut(&str) -> io::Result<Vec<u8>>) -> Result<Model, GlbError> {
    let parts = container::open(bytes)?;
    let root = parse(parts.json)?;
    let mut files = Vec::with_capacity(root.buffers.len().min(parts.json.len()));
    for (index, buffer) in root.buffers.iter().enumerate() {
        let mut bytes = match (&buffer.uri, parts.binary) {
            (Some(uri), _) => Cow::Owned(fetch(uri, external)?),
            (None, Some(binary)) if index == 0 => Cow::Borrowed(binary),
            // A buffer without bytes is the fallback of a compressed one: using it is the error.
            (None, _) => Cow::Borrowed([].as_slice()),
        };
        let length = usize::try_from(buffer.byte_length).unwrap_or(usize::MAX);
        match &mut bytes {
            Cow::Borrowed(slice) => *slice = slice.get(..length).unwrap_or(slice),
            Cow::Owned(vec) => vec.truncate(length),
        }
        files.push(bytes);
    }
    let mut gatherer = Gatherer {
        root: &root,
        buffers: Buffers::new(&root, files),
        external,
        images: Vec::new(),
        image_numbers: vec![None; root.images.len()],
    };
    let materials: Vec<Surface> = (root.materials.iter().enumerate())
        .map(|(index, material)| gatherer.material(index, material))
        .collect::<Result<_, _>>()?;
    let placements = placements(&root)?;
    let mut primitives = Vec::new();
    for (mesh, places) in root.meshes.iter().zip(placements) {
        if places.is_empty() {
            continue;
        }
        for primitive in &mesh.primitives {
            primitives.push(gatherer.primitive(primitive, &places, &materials)?);
        }
    }
    Ok(Model {
        primitives,
        images: gatherer.images,
        materials: materials.into_iter().map(|surface| surface.material).collect(),
        rtc_center: rtc_center(&root, parts.rtc_center)?,
    })
}

/// The URIs [`read`] will ask for, so that a caller who loads over a network can have them ready.
///
/// # Errors
/// As [`read`], for the container and the JSON.
pub fn external_uris(bytes: &[u8]) -> Result<Vec<String>, GlbError> {
    let root = parse(container::open(bytes)?.json)?;
    let buffers = root.buffers.into_iter().filter_map(|buffer| buffer.uri);
    let images = root.images.into_iter().filter_map(|image| image.uri);
    Ok(buffers.chain(images).filter(|uri| !uri.starts_with("data:")).collect())
}

fn parse(json: &[u8]) -> Result<Root, GlbError> {
    let root: Root = serde_json::from_slice(json).map_err(|source| GlbError::Json { source })?;
    if !root.asset.version.starts_with("2.") {
        return Err(GlbError::Unsupported { extension: format!("glTF {}", root.asset.version) });
    }
    let unknown = (root.extensions_required.iter())
        .find(|name| !KNOWN.contains(&name.as_str()) && !name.starts_with("KHR_materials_"));
    match unknown {
        Some(name) => Err(GlbError::Unsupported { extension: name.clone() }),
        None => Ok(root),
    }
}

fn rtc_center(root: &Root, outer: [f64; 3]) -> Result<[f64; 3], GlbError> {
    let Some(extension) = root.extensions.get("CESIUM_RTC") else {
        return Ok(outer);
    };
    let center = extension.get("center").and_then(|center| <[f64; 3]>::deserialize(center).ok());
    let center = center.ok_or_else(|| GlbError::invalid("CESIUM_RTC", "its center is not three numbers"))?;
    Ok(std::array::from_fn(|i| center[i] + outer[i]))
}

fn fetch(uri: &str, external: &mut dyn FnMut(&str) -> io::Result<Vec<u8>>) -> Result<Vec<u8>, GlbError> {
    let Some(data) = uri.strip_prefix("data:") else {
        return external(uri).map_err(|source| GlbError::External { uri: uri.to_owned(), source });
    };
    let encoded = data.split_once(";base64,").map(|(_, encoded)| encoded);
    let encoded = encoded.ok_or_else(|| GlbError::invalid("data URI", "it is not base64"))?;
    (base64::engine::general_purpose::STANDARD.decode(encoded))
        .map_err(|source| GlbError::invalid("data URI", source.to_string()))
}

/// Where each mesh stands: one list of matrices per mesh.
fn placements(root: &Root) -> Result<Vec<Vec<Matrix>>, GlbError> {
    let invalid = |node: usize, reason: &str| GlbError::invalid(format!("node {node}"), reason);
    let mut places = vec![Vec::new(); root.meshes.len()];
    let mut seen = vec![false; root.nodes.len()];
    let roots: Vec<usize> = if let Some(scene) = root.scenes.get(root.scene.unwrap_or(0)) {
        scene.nodes.clone()
    } else {
        let mut is_child = vec![false; root.nodes.len()];
        for child in root.nodes.iter().flat_map(|node| &node.children) {
            if let Some(flag) = is_child.get_mut(*child) {
                *flag = true;
            }
        }
        (0..root.nodes.len()).filter(|node| !is_child[*node]).collect()
    };
    let mut stack: Vec<(usize, Matrix)> = roots.into_iter().map(|node| (node, IDENTITY)).collect();
    while let Some((index, parent)) = stack.pop() {
        let node = root.nodes.get(index).ok_or_else(|| invalid(index, "there is none"))?;
        if std::mem::replace(&mut seen[index], true) {
            return Err(invalid(index, "it hangs under two parents or under itself"));
        }
        if node.extensions.contains_key("EXT_mesh_gpu_instancing") {
            return Err(GlbError::Unsupported { extension: "EXT_mesh_gpu_instancing".to_owned() });
        }
        let matrix = multiply(&parent, &local_matrix(node));
        if !matrix.iter().all(|v| v.is_finite()) {
            return Err(invalid(index, "its matrix is not finite"));
        }
        if let Some(mesh) = node.mesh {
            let list = places.get_mut(mesh).ok_or_else(|| invalid(index, "its mesh does not exist"))?;
            list.push(matrix);
        }
        stack.extend(node.children.iter().map(|child| (*child, matrix)));
    }
    Ok(places)
}

fn local_matrix(node: &schema::Node) -> Matrix {
    if let Some(matrix) = node.matrix {
        return matrix;
    }
    let t = node.translation.unwrap_or_default();
    let [x, y, z, w] = node.rotation.unwrap_or([0., 0., 0., 1.]);
    let s = node.scale.unwrap_or([1.; 3]);
    [
        (1. - 2. * (y * y + z * z)) * s[0],
        2. * (x * y + z * w) * s[0],
        2. * (x * z - y * w) * s[0],
        0.,
        2. * (x * y - z * w) * s[1],
        (1. - 2. * (x * x + z * z)) * s[1],
        2. * (y * z + x * w) * s[1],
        0.,
        2. * (x * z + y * w) * s[2],
        2. * (y * z - x * w) * s[2],
        (1. - 2. * (x * x + y * y)) * s[2],
        0.,
        t[0],
        t[1],
        t[2],
        1.,
    ]
}

/// A material, and which texture coordinates its image wants.
struct Surface {
    material: Material,
    uv_set: u32,
    uv_transform: Option<TextureTransform>,
}

struct Gatherer<'a, 'b> {
    root: &'a Root,
    buffers: Buffers<'a>,
    external: &'b mut dyn FnMut(&str) -> io::Result<Vec<u8>>,
    images: Vec<Image>,
    /// Number in `images` of each glTF image already read: images no material shows are left out.
    image_numbers: Vec<Option<usize>>,
}

impl Gatherer<'_, '_> {
    fn material(&mut self, index: usize, material: &schema::Material) -> Result<Surface, GlbError> {
        let pbr = &material.pbr_metallic_roughness;
        let mut surface = Surface {
            material: Material {
                base_color: pbr.base_color_factor.unwrap_or([1.0; 4]),
                image: None,
                wrap: [Wrap::Repeat; 2],
                unlit: material.extensions.contains_key("KHR_materials_unlit"),
                double_sided: material.double_sided,
                alpha: match material.alpha_mode.as_deref() {
                    Some("MASK") => Alpha::Mask(material.alpha_cutoff.unwrap_or(0.5)),
                    Some("BLEND") => Alpha::Blend,
                    _ => Alpha::Opaque,
                },
            },
            uv_set: 0,
            uv_transform: None,
        };
        let Some(info) = &pbr.base_color_texture else {
            return Ok(surface);
        };
        let invalid = |reason: &str| GlbError::invalid(format!("material {index}"), reason);
        let root = self.root;
        let texture = root.textures.get(info.index).ok_or_else(|| invalid("its texture does not exist"))?;
        if let Some(sampler) = texture.sampler {
            let sampler = root.samplers.get(sampler).ok_or_else(|| invalid("its sampler does not exist"))?;
            surface.material.wrap = [wrap(sampler.wrap_s), wrap(sampler.wrap_t)];
        }
        let webp = texture.extensions.get("EXT_texture_webp").and_then(|webp| webp.get("source")?.as_u64());
        let source = webp.and_then(|source| usize::try_from(source).ok()).or(texture.source);
        surface.material.image = match source {
            Some(source) => Some(self.image(source)?),
            None => match texture.extensions.keys().next() {
                Some(extension) => {
                    return Err(GlbError::Unsupported { extension: extension.clone() });
                }
                None => None,
            },
        };
        let transform = info.extensions.get("KHR_texture_transform").map(TextureTransform::deserialize);
        surface.uv_transform = transform.transpose().map_err(|source| GlbError::Json { source })?;
        let moved_set = surface.uv_transform.as_ref().and_then(|transform| transform.tex_coord);
        surface.uv_set = moved_set.unwrap_or(info.tex_coord);
        Ok(surface)
    }

    fn image(&mut self, index: usize) -> Result<usize, GlbError> {
        let invalid = |reason: &str| GlbError::invalid(format!("image {index}"), reason);
        let image = self.root.images.get(index).ok_or_else(|| invalid("there is none"))?;
        if let Some(number) = self.image_numbers[index] {
            return Ok(number);
        }
        let bytes = match (&image.uri, image.buffer_view) {
            (Some(uri), _) => fetch(uri, self.external)?,
            (None, Some(view)) => self.buffers.view(view)?.to_vec(),
            (None, None) => return Err(invalid("it has neither URI nor buffer view")),
        };
        let image = Image::sniff(bytes);
        if image.format == super::ImageFormat::Ktx2 {
            return Err(GlbError::Unsupported { extension: "KHR_texture_basisu".to_owned() });
        }
        self.images.push(image);
        self.image_numbers[index] = Some(self.images.len() - 1);
        Ok(self.images.len() - 1)
    }

    fn primitive(
        &mut self,
        primitive: &schema::Primitive,
        places: &[Matrix],
        materials: &[Surface],
    ) -> Result<Primitive, GlbError> {
        let invalid = |reason: String| GlbError::invalid("mesh primitive", reason);
        let number = primitive.mode.unwrap_or(4);
        let mode = Mode::from_number(number).ok_or_else(|| invalid(format!("{number} is no mode")))?;
        let attribute = |name: &str| primitive.attributes.get(name).copied();
        let position = attribute("POSITION").ok_or_else(|| invalid("it has no POSITION".to_owned()))?;
        let packed = self.root.accessors.get(position).is_some_and(|accessor| accessor.buffer_view.is_none());
        if packed && let Some(extension) = primitive.extensions.keys().next() {
            return Err(GlbError::Unsupported { extension: extension.clone() });
        }
        let surface = match primitive.material {
            Some(index) => {
                Some(materials.get(index).ok_or_else(|| invalid(format!("material {index} does not exist")))?)
            }
            None => None,
        };
        let mut out = Primitive {
            material: primitive.material,
            placements: places.to_vec(),
            positions: self.buffers.floats(position)?,
            ..Primitive::new(mode)
        };
        if let Some(accessor) = attribute("NORMAL") {
            out.normals = self.buffers.floats(accessor)?;
        }
        let uv_set = surface.map_or(0, |surface| surface.uv_set);
        if let Some(accessor) = attribute(&format!("TEXCOORD_{uv_set}")) {
            out.uvs = self.buffers.floats(accessor)?;
            if let Some(transform) = surface.and_then(|surface| surface.uv_transform.as_ref()) {
                move_uvs(&mut out.uvs, transform);
            }
        }
        if let Some(accessor) = attribute("COLOR_0") {
            out.colors = self.buffers.colors(accessor)?;
        }
        if let Some(accessor) = attribute("_CLASSIFICATION") {
            out.classification = self.buffers.integers(accessor)?.into_iter().map(|v| v as u8).collect();
        }
        if let Some(accessor) = attribute("_INTENSITY") {
            out.intensity = self.buffers.integers(accessor)?.into_iter().map(|v| v as u16).collect();
        }
        if let Some(accessor) = primitive.indices {
            out.indices = self.buffers.integers(accessor)?;
        }
        check(&out)?;
        Ok(out)
    }
}

/// What the reader promises and the writer demands of a primitive.
pub(super) fn check(primitive: &Primitive) -> Result<(), GlbError> {
    let invalid = |reason: String| Err(GlbError::invalid("mesh primitive", reason));
    let count = primitive.positions.len();
    let lengths = [
        ("normals", primitive.normals.len()),
        ("texture coordinates", primitive.uvs.len()),
        ("colours", primitive.colors.len()),
        ("classes", primitive.classification.len()),
        ("intensities", primitive.intensity.len()),
    ];
    for (name, length) in lengths {
        if length != 0 && length != count {
            return invalid(format!("{length} {name} for {count} positions"));
        }
    }
    if let Some(index) = primitive.indices.iter().find(|index| **index as usize >= count) {
        return invalid(format!("index {index} of {count} vertices"));
    }
    if !primitive.positions.iter().flatten().all(|v| v.is_finite()) {
        return invalid("a position is not finite".to_owned());
    }
    Ok(())
}

fn wrap(number: Option<u32>) -> Wrap {
    match number {
        Some(33071) => Wrap::Clamp,
        Some(33648) => Wrap::Mirror,
        _ => Wrap::Repeat,
    }
}

/// `KHR_texture_transform`: scale, then rotate, then shift.
fn move_uvs(uvs: &mut [[f32; 2]], transform: &TextureTransform) {
    let (sin, cos) = transform.rotation.sin_cos();
    for uv in uvs {
        let (u, v) = (uv[0] * transform.scale[0], uv[1] * transform.scale[1]);
        *uv = [cos * u + sin * v + transform.offset[0], cos * v - sin * u + transform.offset[1]];
    }
}
